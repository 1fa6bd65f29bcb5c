//! What is written is what is in force, key by key: in an attribute, through a builder, in a file, by `reconfigure`, and for the breaker of each key.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Backoff, Bulkhead, BulkheadConfig, CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerConfig, Jitter, Mode,
    Permit, Rate, RateLimitConfig, RateLimiter, Rejection, Rejections, Retry, RetryConfig, Setting, State, Timeout,
    TimeoutConfig, Window, WindowCounts, bulkhead, circuit_breaker, rate_limit, registry, retry, timeout,
};
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, advance};

#[derive(Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A value of its own for every key, so that none can stand for another.
const BREAKER: [(&str, &str); 17] = [
    ("failure_rate", "37.5"),
    ("minimum_calls", "7"),
    ("window", "12ms"),
    ("consecutive_failures", "9"),
    ("abandoned_after", "3s"),
    ("latency", "true"),
    ("slow_call", "500us"),
    ("slow_call_rate", "62.5"),
    ("open_for", "31s"),
    ("open_backoff", "1.25"),
    ("max_open_for", "41s"),
    ("open_jitter", "0.125"),
    ("half_open_calls", "5"),
    ("half_open_successes", "4"),
    ("half_open_timeout", "51s"),
    ("mode", "monitor"),
    ("max_keys", "77"),
];
const RETRY: [(&str, &str); 9] = [
    ("attempts", "6"),
    ("delay", "700us"),
    ("backoff", "exponential"),
    ("factor", "1.5"),
    ("max_delay", "1ms500us"),
    ("jitter", "0.25"),
    ("max_elapsed", "20ms1us"),
    ("retry_rejections", "[circuit_open, timed_out]"),
    ("budget", "12.5"),
];
const TIMEOUT: [(&str, &str); 1] = [("after", "1ms1us")];
const BULKHEAD: [(&str, &str); 2] = [("max_concurrent", "8"), ("max_queue", "3")];
const RATE_LIMIT: [(&str, &str); 3] = [("rate", "11/min"), ("burst", "4"), ("max_wait", "900us")];

#[track_caller]
fn assert_in_force(settings: &[Setting], expected: &[(&str, &str)]) {
    for (key, value) in expected {
        let setting = settings.iter().find(|setting| setting.key == *key).expect("each key is listed");
        assert_eq!(setting.value, *value, "{key}");
    }
}

fn breaker_config() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new()
        .failure_rate(37.5)
        .minimum_calls(7)
        .window(Window::Time(millis(12)))
        .consecutive_failures(9)
        .abandoned_after(millis(3000))
        .latency(true)
        .slow_call(micros(500))
        .slow_call_rate(62.5)
        .open_for(Duration::from_secs(31))
        .open_backoff(1.25)
        .max_open_for(Duration::from_secs(41))
        .open_jitter(0.125)
        .half_open_calls(5)
        .half_open_successes(4)
        .half_open_timeout(Duration::from_secs(51))
        .mode(Mode::Monitor)
        .max_keys(77)
}

fn breaker_builder() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("settings")
        .failure_rate(37.5)
        .minimum_calls(7)
        .window(Window::Time(millis(12)))
        .consecutive_failures(9)
        .abandoned_after(millis(3000))
        .latency(true)
        .slow_call(micros(500))
        .slow_call_rate(62.5)
        .open_for(Duration::from_secs(31))
        .open_backoff(1.25)
        .max_open_for(Duration::from_secs(41))
        .open_jitter(0.125)
        .half_open_calls(5)
        .half_open_successes(4)
        .half_open_timeout(Duration::from_secs(51))
        .mode(Mode::Monitor)
        .max_keys(77)
}

fn retry_config() -> RetryConfig {
    RetryConfig::new()
        .attempts(6)
        .delay(micros(700))
        .backoff(Backoff::Exponential)
        .factor(1.5)
        .max_delay(micros(1500))
        .jitter(Jitter::Share(0.25))
        .max_elapsed(micros(20_001))
        .retry_rejections(Rejections::CIRCUIT_OPEN.and(Rejections::TIMED_OUT))
        .budget(12.5)
}

fn per_minute(count: u32) -> Rate {
    Rate::new(count, Duration::from_secs(60))
}

#[retry(
    name = "settings",
    attempts = 6,
    delay = "700us",
    backoff = exponential,
    factor = 1.5,
    max_delay = "1500us",
    jitter = 0.25,
    max_elapsed = "20ms 1us",
    retry_rejections = [circuit_open, timed_out],
    budget = 12.5
)]
#[circuit_breaker(
    "settings",
    failure_rate = 37.5,
    minimum_calls = 7,
    window = "12ms",
    consecutive_failures = 9,
    abandoned_after = "3s",
    latency = true,
    slow_call = "500us",
    slow_call_rate = 62.5,
    open_for = "31s",
    open_backoff = 1.25,
    max_open_for = "41s",
    open_jitter = 0.125,
    half_open_calls = 5,
    half_open_successes = 4,
    half_open_timeout = "51s",
    mode = monitor,
    max_keys = 77,
    key = key
)]
#[bulkhead(name = "settings", max_concurrent = 8, max_queue = 3)]
#[rate_limit(name = "settings", rate = "11/min", burst = 4, max_wait = "900us")]
#[timeout(name = "settings", after = "1001us")]
async fn everything(key: u8) -> Result<u8, Error> {
    Ok(key)
}

#[tokio::test(start_paused = true)]
async fn of_an_attribute() {
    let _entered = Scope::new().enter();
    everything(1).await.unwrap();
    let breaker = registry().circuit_breaker("settings").unwrap();
    assert_in_force(&breaker.snapshot().settings, &BREAKER);
    assert_in_force(&breaker.of_key("1").unwrap().snapshot().settings, &BREAKER);
    assert_in_force(&registry().retry("settings").unwrap().snapshot().settings, &RETRY);
    assert_in_force(&registry().timeout("settings").unwrap().snapshot().settings, &TIMEOUT);
    assert_in_force(&registry().bulkhead("settings").unwrap().snapshot().settings, &BULKHEAD);
    assert_in_force(&registry().rate_limiter("settings").unwrap().snapshot().settings, &RATE_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn of_a_builder() {
    let of_key = |breaker: &CircuitBreaker| {
        breaker.keyed("one").try_acquire().unwrap().success();
        breaker.of_key("one").unwrap().snapshot().settings
    };
    for builder in [breaker_builder(), CircuitBreaker::builder("settings").config(breaker_config())] {
        let breaker = builder.build().unwrap();
        assert_in_force(&breaker.snapshot().settings, &BREAKER);
        assert_in_force(&of_key(&breaker), &BREAKER);
    }
    let reconfigured = CircuitBreaker::builder("settings").build().unwrap();
    of_key(&reconfigured);
    reconfigured.reconfigure(breaker_config()).unwrap();
    assert_in_force(&reconfigured.snapshot().settings, &BREAKER);
    assert_in_force(&of_key(&reconfigured), &BREAKER);

    let builder = Retry::builder("settings").attempts(6).delay(micros(700)).backoff(Backoff::Exponential).factor(1.5);
    let builder = builder.max_delay(micros(1500)).jitter(Jitter::Share(0.25)).max_elapsed(micros(20_001)).budget(12.5);
    let builder = builder.retry_rejections(Rejections::CIRCUIT_OPEN.and(Rejections::TIMED_OUT));
    assert_in_force(&builder.build().unwrap().snapshot().settings, &RETRY);
    let retry = Retry::builder("settings").build().unwrap();
    retry.reconfigure(retry_config()).unwrap();
    assert_in_force(&retry.snapshot().settings, &RETRY);

    let timeout = Timeout::builder("settings").after(micros(1001)).build().unwrap();
    assert_in_force(&timeout.snapshot().settings, &TIMEOUT);
    timeout.reconfigure(TimeoutConfig::new().after(millis(7))).unwrap();
    assert_in_force(&timeout.snapshot().settings, &[("after", "7ms")]);

    let bulkhead = Bulkhead::builder("settings").max_concurrent(8).max_queue(3).build().unwrap();
    assert_in_force(&bulkhead.snapshot().settings, &BULKHEAD);
    bulkhead.reconfigure(BulkheadConfig::new().max_concurrent(5).max_queue(6)).unwrap();
    assert_in_force(&bulkhead.snapshot().settings, &[("max_concurrent", "5"), ("max_queue", "6")]);

    let limiter = RateLimiter::builder("settings").rate(per_minute(11)).burst(4).max_wait(micros(900)).build().unwrap();
    assert_in_force(&limiter.snapshot().settings, &RATE_LIMIT);
    limiter.reconfigure(RateLimitConfig::new().rate(per_minute(9)).burst(7).max_wait(millis(3))).unwrap();
    assert_in_force(&limiter.snapshot().settings, &[("rate", "9/min"), ("burst", "7"), ("max_wait", "3ms")]);
}

/// A table of a file. A number, a switch, a list of words and a word are what they are without quotes.
fn table(kind: &str, keys: &[(&str, &str)]) -> String {
    let mut text = format!("[{kind}.outside]\n");
    for (key, value) in keys {
        let value = match value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
            Some(list) => {
                format!("[{}]", list.split(", ").map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", "))
            }
            None if value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok() => (*value).to_owned(),
            None => format!("{value:?}"),
        };
        text += &format!("{key} = {value}\n");
    }
    text
}

#[retry(name = "outside")]
#[circuit_breaker("outside", key = key)]
#[bulkhead(name = "outside", max_queue = 1)]
#[rate_limit(name = "outside", rate = "1000/s")]
#[timeout(name = "outside", after = "1s")]
async fn defaults(key: u8) -> Result<u8, Error> {
    Ok(key)
}

#[tokio::test(start_paused = true)]
async fn of_a_file_and_of_variables() {
    let kinds: [(&str, &[(&str, &str)]); 5] = [
        ("circuit_breaker", &BREAKER),
        ("retry", &RETRY),
        ("timeout", &TIMEOUT),
        ("bulkhead", &BULKHEAD),
        ("rate_limit", &RATE_LIMIT),
    ];
    let file: String = kinds.iter().map(|(kind, keys)| table(kind, keys)).collect();
    let variables = || {
        kinds.iter().flat_map(|(kind, keys)| {
            // Spaces around a value are nobody's intention.
            keys.iter().map(move |(key, value)| {
                (format!("RESILIENCE__{}__OUTSIDE__{}", kind.to_uppercase(), key.to_uppercase()), format!(" {value} "))
            })
        })
    };
    for (from_file, before) in [(true, true), (true, false), (false, true), (false, false)] {
        let _entered = Scope::new().enter();
        let configure = || {
            let report = match from_file {
                true => registry().configure_from_str(&file),
                false => registry().configure_from_environment(variables()),
            };
            report.unwrap_or_else(|error| panic!("{error}"));
        };
        if before {
            configure();
        }
        defaults(1).await.unwrap();
        if !before {
            configure();
        }
        defaults(2).await.unwrap();
        let breaker = registry().circuit_breaker("outside").unwrap();
        assert_in_force(&breaker.snapshot().settings, &BREAKER);
        for key in ["1", "2"] {
            assert_in_force(&breaker.of_key(key).unwrap().snapshot().settings, &BREAKER);
        }
        assert_in_force(&registry().retry("outside").unwrap().snapshot().settings, &RETRY);
        assert_in_force(&registry().timeout("outside").unwrap().snapshot().settings, &TIMEOUT);
        assert_in_force(&registry().bulkhead("outside").unwrap().snapshot().settings, &BULKHEAD);
        assert_in_force(&registry().rate_limiter("outside").unwrap().snapshot().settings, &RATE_LIMIT);
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_of_a_key_does_what_the_settings_of_its_name_say() {
    let config = CircuitBreakerConfig::new()
        .window(Window::None)
        .consecutive_failures(2)
        .open_for(Duration::from_secs(1))
        .half_open_calls(3)
        .half_open_successes(2);
    let built = CircuitBreaker::builder("by key").config(config).build().unwrap();
    let reconfigured = CircuitBreaker::builder("by key").build().unwrap();
    reconfigured.keyed(1).try_acquire().unwrap().success();
    reconfigured.reconfigure(config).unwrap();
    for family in [built, reconfigured] {
        let call = || family.keyed(1).try_acquire();
        let state = || family.of_key("1").unwrap().state();
        for _ in 0..2 {
            assert_eq!(call().map(|permit| permit.failure()), Ok(()));
        }
        assert_eq!(state(), State::Open);
        advance(Duration::from_secs(1)).await;
        let probes = [call(), call(), call()].map(|probe| probe.expect("three may try"));
        assert!(call().is_err());
        let [first, second, third] = probes;
        first.failure();
        assert_eq!(state(), State::HalfOpen, "two can still succeed");
        second.success();
        third.success();
        assert_eq!(state(), State::Closed);
    }
}

#[circuit_breaker("settings: slow", window = 2, minimum_calls = 2, slow_call = "500us", slow_call_rate = 100)]
async fn takes(time: Duration) -> Result<(), Error> {
    advance(time).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_time_below_a_millisecond_is_what_an_attribute_says() {
    let _entered = Scope::new().enter();
    takes(micros(400)).await.unwrap();
    let breaker = registry().circuit_breaker("settings: slow").unwrap();
    assert_eq!(breaker.totals().slow, 0);
    takes(micros(600)).await.unwrap();
    assert_eq!((breaker.totals().slow, breaker.state()), (1, State::Closed));
    takes(micros(600)).await.unwrap();
    assert_eq!((breaker.totals().slow, breaker.state()), (2, State::Open));
}

#[tokio::test(start_paused = true)]
async fn slow_calls_trip_nothing_once_they_are_turned_off() {
    for window in [Window::Count(4), Window::Time(Duration::from_secs(60))] {
        let config = CircuitBreakerConfig::new().window(window).minimum_calls(2).failure_rate(100.0);
        let slow = config.slow_call(millis(10)).slow_call_rate(75.0);
        let breaker = || CircuitBreaker::builder("slow").config(slow).build().unwrap();
        let call = async |breaker: &CircuitBreaker, takes, fails: bool| {
            let permit = breaker.try_acquire().unwrap();
            advance(millis(takes)).await;
            if fails { permit.failure() } else { permit.success() }
        };
        for turned_off in [false, true] {
            let breaker = breaker();
            for takes in [20, 1, 20] {
                call(&breaker, takes, false).await;
            }
            assert_eq!((breaker.state(), breaker.totals().slow), (State::Closed, 2));
            if turned_off {
                breaker.reconfigure(config).unwrap();
            }
            call(&breaker, 20, false).await;
            let expected = if turned_off { (State::Closed, 2) } else { (State::Open, 3) };
            assert_eq!((breaker.state(), breaker.totals().slow), expected, "{window:?}");
        }
        // Of calls that began before it was turned off, and after it was turned on again.
        let breaker = breaker();
        let before = [breaker.try_acquire().unwrap(), breaker.try_acquire().unwrap()];
        advance(millis(20)).await;
        breaker.reconfigure(config).unwrap();
        before.into_iter().for_each(Permit::success);
        assert_eq!((breaker.state(), breaker.totals().slow), (State::Closed, 0), "{window:?}");
        breaker.reconfigure(slow).unwrap();
        for _ in 0..8 {
            if breaker.state() == State::Closed {
                call(&breaker, 20, false).await;
            }
        }
        assert_eq!(breaker.state(), State::Open, "{window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_not_enabled_is_off_whatever_mode_is_written() {
    let config = |mode: Option<Mode>, enabled: Option<bool>, mode_first: bool| {
        let mut config = CircuitBreakerConfig::new().window(Window::None).consecutive_failures(1);
        for is_mode in [mode_first, !mode_first] {
            config = match (is_mode, mode, enabled) {
                (true, Some(mode), _) => config.mode(mode),
                (false, _, Some(enabled)) => config.enabled(enabled),
                _ => config,
            };
        }
        config
    };
    for mode in [None, Some(Mode::Enforce), Some(Mode::Monitor), Some(Mode::Off)] {
        for enabled in [None, Some(true), Some(false)] {
            let expected = match (enabled, mode) {
                (Some(false), _) | (_, Some(Mode::Off)) => State::Disabled,
                (_, Some(Mode::Monitor)) => State::Monitoring,
                _ => State::Closed,
            };
            let shown = match expected {
                State::Disabled => "off",
                State::Monitoring => "monitor",
                _ => "enforce",
            };
            for mode_first in [true, false] {
                let config = config(mode, enabled, mode_first);
                let built = CircuitBreaker::builder("enabled").config(config).build().unwrap();
                let reconfigured = CircuitBreaker::builder("enabled").build().unwrap();
                reconfigured.reconfigure(config).unwrap();
                for breaker in [built, reconfigured] {
                    assert_eq!(breaker.state(), expected, "{mode:?} {enabled:?}");
                    assert_in_force(&breaker.snapshot().settings, &[("mode", shown)]);
                }
            }
        }
    }
    for (lines, expected, decided_in) in [
        ("mode = \"enforce\"\nenabled = false", State::Disabled, "text:3"),
        ("enabled = false\nmode = \"monitor\"", State::Disabled, "text:2"),
        ("enabled = true\nmode = \"monitor\"", State::Monitoring, "text:3"),
        ("mode = \"off\"\nenabled = true", State::Disabled, "text:2"),
    ] {
        let _entered = Scope::new().enter();
        registry().configure_from_str(&format!("[circuit_breaker.enabled]\n{lines}")).unwrap();
        let breaker = CircuitBreaker::builder("enabled").register().unwrap();
        assert_eq!(breaker.state(), expected, "{lines}");
        let settings = breaker.snapshot().settings;
        let mode = settings.iter().find(|setting| setting.key == "mode").unwrap();
        assert_eq!(mode.source.to_string(), decided_in, "{lines}");
    }
}

fn two_failures(counts: &WindowCounts) -> bool {
    counts.failures >= 2
}

#[circuit_breaker("settings: trips by a rule", trip_if = two_failures)]
async fn says_the_rule(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[circuit_breaker("settings: trips by a rule")]
async fn joins(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn a_rule_alone_configures_the_breaker_for_all_who_share_it() {
    for order in [[true, true], [true, false], [false, true], [false, false]] {
        let _entered = Scope::new().enter();
        for by_rule in order {
            let failed = if by_rule { says_the_rule(true).await } else { joins(true).await };
            assert_eq!(failed, Err(Error::Failed));
        }
        let breaker = registry().circuit_breaker("settings: trips by a rule").unwrap();
        assert_eq!(breaker.state(), State::Open, "{order:?}");
        assert!(matches!(joins(false).await, Err(Error::Rejected(_))));
        assert!(matches!(says_the_rule(false).await, Err(Error::Rejected(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_the_limit_that_it_began_to_wait_with() {
    let config = |after| TimeoutConfig::new().after(millis(after));
    let off = config(10).enabled(false);
    for (before, after, ends_at) in [
        (off, config(20), None),
        (off, off, None),
        (config(40), off, Some(40)),
        (config(40), config(20), Some(40)),
        (config(40), config(500), Some(40)),
    ] {
        let timeout = Timeout::builder("changes").config(before).build().unwrap();
        let began = Instant::now();
        let call = timeout.call(async {
            // It is polled again and again, before the change and after.
            for _ in 0..100 {
                tokio::time::sleep(millis(2)).await;
            }
            Ok::<_, ()>(())
        });
        let (answer, ()) = tokio::join!(call, async {
            tokio::time::sleep(millis(5)).await;
            timeout.reconfigure(after).unwrap();
        });
        let expected = ends_at.unwrap_or(200);
        assert_eq!((answer.is_ok(), began.elapsed()), (ends_at.is_none(), millis(expected)), "{before:?} {after:?}");
    }
    // One that has not begun to wait takes the limit of the moment at which it does.
    let timeout = Timeout::builder("changes").config(config(10)).build().unwrap();
    let call = timeout.call(pending::<Result<(), ()>>());
    timeout.reconfigure(config(30)).unwrap();
    let began = Instant::now();
    assert!(call.await.is_err());
    assert_eq!(began.elapsed(), millis(30));
}

#[test]
fn what_is_turned_off_needs_no_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let timeout =
        Timeout::builder("off").config(TimeoutConfig::new().after(millis(10)).enabled(false)).build().unwrap();
    let waits = || async {
        tokio::task::yield_now().await;
        Ok::<_, ()>(7)
    };
    assert_eq!(runtime.block_on(timeout.call(waits())), Ok(7));
    timeout.reconfigure(TimeoutConfig::new().after(millis(10))).unwrap();
    let call = std::panic::AssertUnwindSafe(|| runtime.block_on(timeout.call(waits())));
    std::panic::catch_unwind(call).unwrap_err();
}

/// Sets one key to a value.
type Set<C, V> = fn(C, V) -> C;

#[test]
fn times_are_refused_from_just_outside_their_bounds() {
    const NANO: Duration = Duration::from_nanos(1);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let year = 365 * DAY;
    let hour = Duration::from_secs(60 * 60);
    let breaker: [(&str, Set<CircuitBreakerConfig, Duration>, Duration, Duration); 7] = [
        ("window", |config, time| config.window(Window::Time(time)), millis(10), DAY),
        ("abandoned_after", |config, time| config.abandoned_after(time), millis(1), hour),
        ("slow_call", |config, time| config.slow_call(time), micros(1), hour),
        // Beside a cap that leaves it alone.
        ("open_for", |config, time| config.open_for(time), millis(1), year),
        ("max_open_for", |config, time| config.open_for(millis(1)).max_open_for(time), millis(1), year),
        ("half_open_timeout", |config, time| config.half_open_timeout(time), millis(1), DAY),
        ("window", |config, time| config.window(Window::Time(time)).minimum_calls(1000), millis(10), DAY),
    ];
    for (key, set, least, most) in breaker {
        let refused = |time| set(CircuitBreakerConfig::new(), time).check().err().map(|error| error.key);
        assert_eq!([refused(least), refused(most)], [None; 2], "{key}");
        assert_eq!([refused(least - NANO), refused(most + NANO)], [Some(key); 2], "{key}");
    }
    let retry: [(&str, Set<RetryConfig, Duration>, Duration, Duration); 2] = [
        ("max_delay", |config, time| config.delay(Duration::ZERO).max_delay(time), millis(1), DAY),
        ("max_elapsed", |config, time| config.delay(micros(1)).max_elapsed(time), millis(1), year),
    ];
    for (key, set, least, most) in retry {
        let refused = |time| set(RetryConfig::new(), time).check().err().map(|error| error.key);
        assert_eq!([refused(least), refused(most)], [None; 2], "{key}");
        assert_eq!([refused(least - NANO), refused(most + NANO)], [Some(key); 2], "{key}");
    }
    let delay = |time| RetryConfig::new().delay(time).max_delay(DAY).check().is_ok();
    assert_eq!([delay(Duration::ZERO), delay(DAY), delay(DAY + NANO)], [true, true, false]);
    let after = |time| TimeoutConfig::new().after(time).check().is_ok();
    assert_eq!([after(millis(1)), after(year)], [true; 2]);
    assert_eq!([after(millis(1) - NANO), after(year + NANO)], [false; 2]);
    let wait = |time| RateLimitConfig::new().rate(per_minute(1)).max_wait(time).check().is_ok();
    assert_eq!([wait(Duration::ZERO), wait(hour), wait(hour + NANO)], [true, true, false]);
}

#[test]
fn numbers_are_refused_from_just_outside_their_bounds() {
    let breaker: [(&str, Set<CircuitBreakerConfig, u32>, u32, u32); 6] = [
        ("minimum_calls", |config, number| config.minimum_calls(number), 1, 1_000_000_000),
        ("window", |config, number| config.window(Window::Count(number)), 1, 65_535),
        ("consecutive_failures", |config, number| config.consecutive_failures(number), 1, 1_000_000),
        ("half_open_calls", |config, number| config.half_open_calls(number).half_open_successes(1), 1, 255),
        ("half_open_successes", |config, number| config.half_open_calls(255).half_open_successes(number), 1, 255),
        ("max_keys", |config, number| config.max_keys(number), 1, 1_000_000),
    ];
    for (key, set, least, most) in breaker {
        let refused = |number| set(CircuitBreakerConfig::new(), number).check().err().map(|error| error.key);
        assert_eq!([refused(least), refused(most)], [None; 2], "{key}");
        assert_eq!([refused(least - 1), refused(most + 1)], [Some(key); 2], "{key}");
    }
    let attempts = |number| RetryConfig::new().attempts(number).check().is_ok();
    assert_eq!([attempts(0), attempts(1), attempts(100), attempts(101)], [false, true, true, false]);
    let concurrent = |number| BulkheadConfig::new().max_concurrent(number).check().is_ok();
    assert_eq!(
        [concurrent(0), concurrent(1), concurrent(1_000_000), concurrent(1_000_001)],
        [false, true, true, false]
    );
    let queue = |number| BulkheadConfig::new().max_queue(number).check().is_ok();
    assert_eq!([queue(0), queue(1_000_000), queue(1_000_001)], [true, true, false]);
    let rate = |count| RateLimitConfig::new().rate(per_minute(count)).check().is_ok();
    assert_eq!([rate(0), rate(1), rate(1_000_000_000), rate(1_000_000_001)], [false, true, true, false]);
    let burst = |calls| RateLimitConfig::new().rate(per_minute(1)).burst(calls).check().is_ok();
    assert_eq!([burst(0), burst(1), burst(1_000_000_000), burst(1_000_000_001)], [false, true, true, false]);
    // What goes together at its edge, and what does not just beyond it.
    let minimum = |calls| CircuitBreakerConfig::new().window(Window::Count(10)).minimum_calls(calls).check().is_ok();
    assert_eq!([minimum(10), minimum(11)], [true, false]);
    let successes = |calls| CircuitBreakerConfig::new().half_open_calls(2).half_open_successes(calls).check().is_ok();
    assert_eq!([successes(2), successes(3)], [true, false]);
}
