//! Each rule is told where it holds, and not where it does not.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, CircuitBreaker, CircuitBreakerConfig, Kind, Name, Rate, RateLimiter, Registry, RegistrySnapshot, Retry,
    State, Window,
};
use std::time::Duration;

#[path = "../src/advice.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a part of the crate, and looked at from inside")]
mod advice;
#[path = "../src/history.rs"]
#[allow(dead_code, reason = "the rules ask for less than the routes do")]
mod history;

use advice::{Advice, Disagreement, Facts, Fallbacks, Refused, advise};
use history::Rings;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn told_of(registry: &Registry, policies: &RegistrySnapshot, past: Option<&Rings>) -> Vec<Advice> {
    let events = |name: &str| registry.recent_events(Kind::CircuitBreaker, name);
    let (fallbacks, conflicts, refused) = (Vec::new(), Vec::new(), None);
    advise(&Facts { policies, fallbacks, past, events: &events, conflicts, refused })
}

fn nothing(policies: &RegistrySnapshot) -> Facts<'_> {
    let (fallbacks, conflicts, refused) = (Vec::new(), Vec::new(), None);
    Facts { policies, fallbacks, past: None, events: &|_| Vec::new(), conflicts, refused }
}

/// The only thing that is told.
#[track_caller]
fn the_one(told: &[Advice]) -> (&'static str, &str, &str) {
    assert_eq!(told.len(), 1, "{told:?}");
    (told[0].rule, &told[0].text, &told[0].help)
}

/// So many seconds, in each of which something is done to the policies before they are looked at.
fn after(
    seconds: u64,
    policies: &mut RegistrySnapshot,
    fallbacks: u64,
    each: impl Fn(u64, &mut RegistrySnapshot),
) -> Rings {
    let mut rings = Rings::new(4 << 20);
    for second in 0..seconds {
        each(second, policies);
        rings.record(policies, |_| fallbacks * second, (90_000 + second) * 1000);
    }
    rings
}

/// A registry with one breaker.
fn with_breaker(config: CircuitBreakerConfig) -> (Registry, std::sync::Arc<CircuitBreaker>) {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("payment").config(config).register().unwrap();
    (scope.registry(), breaker)
}

fn config() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new()
}

#[test]
fn a_program_without_anything_odd_is_left_alone() {
    let (registry, breaker) = with_breaker(config());
    (0..100).for_each(|_| breaker.try_acquire().unwrap().success());
    let mut policies = registry.snapshot();
    let past = after(3700, &mut policies, 0, |_, policies| policies.circuit_breakers[0].totals.successes += 1);
    assert_eq!(told_of(&registry, &policies, Some(&past)), []);
    assert_eq!(told_of(&registry, &policies, None), []);
}

#[test]
fn a_breaker_that_is_forced_open_for_long_says_by_whom() {
    // What else is configured has not done it.
    let (registry, breaker) = with_breaker(config().latency(true));
    breaker.steer().by("ada").why("incident 12").force_open().unwrap();
    let told = |age| {
        let mut policies = registry.snapshot();
        let breaker = &mut policies.circuit_breakers[0];
        breaker.age = age;
        breaker.history.as_mut().unwrap().time.forced_open = age;
        told_of(&registry, &policies, None)
    };
    assert_eq!(told(HOUR - Duration::from_millis(1)), []);
    the_one(&told(HOUR));
    let told = told(26 * HOUR);
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "forced_open");
    assert_eq!(text, "circuit breaker `payment` has been forced open by ada (incident 12) for 26 hours");
    assert_eq!(help, "if the incident is over, write `registry().steer(\"payment\").enforce()?`");
    breaker.enforce();
    assert_eq!(told_of(&registry, &registry.snapshot(), None), []);
}

/// Nobody could enforce it by hand for good: what is configured would force it open again.
#[test]
fn a_breaker_that_is_forced_open_by_its_configuration_is_told_with_the_place_that_says_so() {
    let by_hand = "if the incident is over, write `registry().steer(\"payment\").enforce()?`";
    let configure: [fn(&Registry); 2] = [
        |registry| drop(registry.configure_from_str("[circuit_breaker.payment]\nforce_open = true\n").unwrap()),
        |registry| {
            let variable = ("RESILIENCE__CIRCUIT_BREAKER__PAYMENT__FORCE_OPEN".to_owned(), "true".to_owned());
            drop(registry.configure_from_environment([variable]).unwrap());
        },
    ];
    for (configure, by, expected) in [
        (configure[0], "by text:2", "remove `force_open = true` from that file"),
        (configure[1], "by RESILIENCE__CIRCUIT_BREAKER__PAYMENT__FORCE_OPEN", by_hand),
    ] {
        let (registry, _breaker) = with_breaker(config());
        configure(&registry);
        let mut policies = registry.snapshot();
        let breaker = &mut policies.circuit_breakers[0];
        breaker.age = HOUR;
        breaker.history.as_mut().unwrap().time.forced_open = HOUR;
        let told = told_of(&registry, &policies, None);
        let text = format!("circuit breaker `payment` has been forced open {by} for 60 minutes");
        assert_eq!(the_one(&told), ("forced_open", &*text, expected));
    }
}

#[test]
fn one_key_that_is_forced_open_does_not_make_the_breaker_forced_open_for_as_long_as_it_exists() {
    let (registry, _) = with_breaker(config());
    let mut policies = registry.snapshot();
    (policies.circuit_breakers[0].state, policies.circuit_breakers[0].age) = (State::ForcedOpen, DAY);
    assert_eq!(told_of(&registry, &policies, None), []);
    // The times of many keys together are longer than there is a breaker.
    let breaker = &mut policies.circuit_breakers[0];
    (breaker.history.as_mut().unwrap().time.forced_open, breaker.age) = (DAY, HOUR / 2);
    assert_eq!(told_of(&registry, &policies, None), []);
}

#[test]
fn a_share_that_was_left_behind_is_told_after_a_day() {
    let (registry, breaker) = with_breaker(config());
    breaker.steer().by("ada").enforce_share(10).unwrap();
    let told = |hours: u64, percent| {
        let mut policies = registry.snapshot();
        policies.circuit_breakers[0].enforced_percent = percent;
        let mut rings = Rings::new(1 << 20);
        rings.record(&policies, |_| 0, 90_000_000);
        rings.record(&policies, |_| 0, 90_000_000 + hours * 3_600_000);
        told_of(&registry, &policies, Some(&rings))
    };
    assert_eq!(told(23, 10), []);
    the_one(&told(24, 99));
    the_one(&told(24, 1));
    assert_eq!(told(25, 100), []);
    assert_eq!(told(25, 0), [], "one that monitors is another matter");
    let told = told(25, 10);
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "share_left_behind");
    assert_eq!(
        text,
        "circuit breaker `payment` has rejected only 10 % of what it decides to reject for 25 hours, set by ada"
    );
    assert!(help.contains("enforce()"), "{help}");
}

#[test]
fn a_share_that_was_raised_is_a_new_one() {
    let (registry, breaker) = with_breaker(config());
    let mut rings = Rings::new(1 << 20);
    let mut told_at = |hour: u64, percent| {
        breaker.steer().enforce_share(percent).unwrap();
        rings.record(&registry.snapshot(), |_| 0, 90_000_000 + hour * 3_600_000);
        told_of(&registry, &registry.snapshot(), Some(&rings)).len()
    };
    assert_eq!([(0, 10), (20, 30), (43, 30), (44, 30)].map(|(hour, percent)| told_at(hour, percent)), [0, 0, 0, 1]);
}

#[test]
fn of_two_who_have_set_it_the_later_one_is_named_and_whoever_did_something_else_is_not() {
    let (registry, breaker) = with_breaker(config());
    breaker.steer().by("ada").enforce_share(10).unwrap();
    breaker.steer().by("bob").enforce_share(20).unwrap();
    breaker.steer().by("eve").reset().unwrap();
    let mut rings = Rings::new(1 << 20);
    let mut policies = registry.snapshot();
    policies.circuit_breakers[0].enforced_percent = 20;
    for hours in [0, 25] {
        rings.record(&policies, |_| 0, 90_000_000 + hours * 3_600_000);
    }
    let told = told_of(&registry, &policies, Some(&rings));
    assert!(the_one(&told).1.ends_with("set by bob"), "{told:?}");
}

#[test]
fn one_that_has_monitored_for_a_day_is_ready_to_enforce() {
    let (registry, breaker) = with_breaker(config());
    breaker.monitor();
    let told = |time, would_reject| {
        let mut policies = registry.snapshot();
        let breaker = &mut policies.circuit_breakers[0];
        breaker.history.as_mut().unwrap().time.monitoring = time;
        breaker.totals.would_reject = would_reject;
        told_of(&registry, &policies, None)
    };
    assert_eq!(told(DAY - Duration::from_millis(1), 120), []);
    assert_eq!(
        the_one(&told(DAY, 1)).1,
        "circuit breaker `payment` has only monitored for 24 hours, and would have rejected 1 call"
    );
    let told_of_some = told(3 * DAY, 120);
    let (rule, text, help) = the_one(&told_of_some);
    assert_eq!(rule, "ready_to_enforce");
    assert_eq!(text, "circuit breaker `payment` has only monitored for 3 days, and would have rejected 120 calls");
    assert_eq!(
        help,
        "write `registry().steer(\"payment\").enforce()?`, or begin with a tenth of them: `registry().steer(\"payment\").enforce_share(10)?`"
    );
    let nothing = told(3 * DAY, 0);
    assert!(the_one(&nothing).1.ends_with("would have rejected no call"));
    assert_eq!(
        the_one(&nothing).2,
        "write `registry().steer(\"payment\").enforce()?`: nothing would have changed so far"
    );
    let (registry, _) = with_breaker(config().mode(resilience_runtime::Mode::Monitor));
    let mut policies = registry.snapshot();
    policies.circuit_breakers[0].history.as_mut().unwrap().time.monitoring = DAY;
    let by_setting = told_of(&registry, &policies, None);
    assert!(the_one(&by_setting).2.contains("`mode = enforce`"));
}

#[test]
fn a_breaker_whose_window_never_has_the_minimum_cannot_open_by_its_rate() {
    let told = |config, seconds, failures: u64, window: u64| {
        let (registry, _) = with_breaker(config);
        let mut policies = registry.snapshot();
        let past = after(seconds, &mut policies, 0, |second, policies| {
            let breaker = &mut policies.circuit_breakers[0];
            breaker.totals.failures += if second % 600 == 30 { failures } else { 0 };
            breaker.window.calls = if second % 600 == 30 { window } else { 0 };
        });
        told_of(&registry, &policies, Some(&past))
    };
    assert_eq!(told(config(), 3700, 1, 20), [], "it reaches it");
    assert!(the_one(&told(config(), 3700, 1, 19)).2.contains("`minimum_calls = 19`"));
    assert!(the_one(&told(config(), 3700, 1, 5)).2.contains("`minimum_calls = 5`"));
    assert!(the_one(&told(config(), 3700, 1, 4)).2.starts_with("write a longer `window`"), "4 say little");
    assert_eq!(told(config(), 3700, 0, 7), [], "nothing fails");
    assert_eq!(told(config(), 1800, 1, 7), [], "an hour is not over");
    let no_rate = config().window(Window::None).consecutive_failures(3);
    assert_eq!(told(no_rate, 3700, 1, 7), [], "it has no rate");
    let told_of_few = told(config(), 3700, 1, 7);
    let (rule, text, help) = the_one(&told_of_few);
    assert_eq!(rule, "minimum_calls_never_reached");
    assert_eq!(
        text,
        "circuit breaker `payment` cannot open by its failure rate: in the last hour, in which 6 calls failed, its window never had more than 7 calls, and `minimum_calls` is 20"
    );
    assert_eq!(help, "write `minimum_calls = 7`, or a longer `window` than 10s");
    assert!(the_one(&told(config(), 3700, 1, 2)).2.starts_with("write a longer `window` than 10s"));
    assert!(
        the_one(&told(config().window(Window::Count(50)), 3700, 1, 2)).2.starts_with("write a smaller `minimum_calls`")
    );
}

#[test]
fn probes_that_do_not_answer_in_time_are_told_from_those_that_fail() {
    let (registry, _) = with_breaker(config());
    let told = |timed_out, failed| {
        let mut policies = registry.snapshot();
        let openings = &mut policies.circuit_breakers[0].history.as_mut().unwrap().openings;
        (openings.probe_timed_out, openings.probes_failed) = (timed_out, failed);
        told_of(&registry, &policies, None)
    };
    assert_eq!(told(2, 0), []);
    assert_eq!(told(4, 4), []);
    the_one(&told(3, 2));
    let told = told(5, 1);
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "probes_time_out");
    assert!(text.contains("reopened 5 times") && text.contains("(1m)") && text.contains("and once because"), "{text}");
    assert!(help.contains("`#[timeout(...)]`") && help.contains("`half_open_timeout`"), "{help}");
}

#[test]
fn a_fallback_that_fails_more_than_it_helps_is_told() {
    let policies = RegistrySnapshot::default();
    let told = |answered, failed| {
        let (operation, location) = (Name::from("shop::charge"), "src/shop.rs:7".to_owned());
        let fallbacks = vec![Fallbacks { operation, location, answered, failed }];
        advise(&Facts { fallbacks, ..nothing(&policies) })
    };
    assert_eq!(told(10, 10), []);
    assert_eq!(told(0, 9), []);
    the_one(&told(9, 10));
    let told = told(4, 11);
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "fallback_fails");
    assert_eq!(
        text,
        "the fallback of `shop::charge` (src/shop.rs:7) fails more than it helps: it failed 11 times and answered 4 times"
    );
    assert!(help.contains("cache"), "{help}");
}

#[test]
fn fallbacks_that_answer_most_calls_for_an_hour_are_told() {
    let told = |seconds, calls: u64, fallbacks| {
        let (registry, _) = with_breaker(config());
        let mut policies = registry.snapshot();
        let past = after(seconds, &mut policies, fallbacks, |_, policies| {
            policies.circuit_breakers[0].totals.rejected += calls;
        });
        told_of(&registry, &policies, Some(&past))
    };
    assert_eq!(told(3700, 2, 1), []);
    assert_eq!(told(1800, 3, 2), []);
    // Ten of them are often, and half of the calls are not most of them.
    for (calls, fallbacks, expected) in
        [(9, 9, 0), (10, 9, 0), (10, 10, 1), (19, 10, 1), (20, 10, 0), (21, 10, 0), (21, 11, 1)]
    {
        assert_eq!(of_an_hour_with(calls, fallbacks).len(), expected, "{fallbacks} of {calls}");
    }
    let told = told(3700, 3, 2);
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "fallback_answers_most");
    assert!(text.ends_with("for an hour: 7200 of 10800") || text.contains(" of 107"), "{text}");
    assert!(help.contains("`last_error`"), "{help}");
}

/// What is told after an hour in which so many calls were rejected, and so many fallbacks asked.
fn of_an_hour_with(calls: u64, fallbacks: u64) -> Vec<Advice> {
    let (registry, _) = with_breaker(config());
    let mut policies = registry.snapshot();
    let mut rings = Rings::new(4 << 20);
    for second in 0..3700_u64 {
        policies.circuit_breakers[0].totals.rejected = second.saturating_sub(1000).min(calls);
        rings.record(&policies, |_| second.saturating_sub(1000).min(fallbacks), (90_000 + second) * 1000);
    }
    told_of(&registry, &policies, Some(&rings))
}

#[test]
fn a_retry_whose_budget_is_spent_is_told() {
    let scope = Scope::new();
    let registry = scope.registry();
    {
        let _entered = scope.enter();
        Retry::builder("stock").budget(10.0).register().unwrap();
    }
    let told = |over: u64, ago: u64| {
        let mut policies = registry.snapshot();
        let past = after(600 + ago, &mut policies, 0, |second, policies| {
            policies.retries[0].gave_up.budget += if second == 500 { over } else { 0 };
        });
        told_of(&registry, &policies, Some(&past))
    };
    assert_eq!(told(0, 0), []);
    assert_eq!(told(7, 3700), [], "it is long ago");
    assert!(the_one(&told(1, 0)).1.contains("gave up on 1 call in"), "one is enough");
    let told = told(7, 0);
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "retry_budget_spent");
    assert_eq!(text, "retry `stock` gave up on 7 calls in the last hour because its budget of 10 % was spent");
    assert!(help.contains("`#[circuit_breaker(...)]`") && help.contains("`budget`"), "{help}");
}

#[test]
fn keys_that_overflow_are_told_of_every_kind_that_has_keys() {
    let scope = Scope::new();
    let registry = scope.registry();
    {
        let _entered = scope.enter();
        CircuitBreaker::builder("stock").max_keys(64).register().unwrap();
        Bulkhead::builder("pool").max_keys(64).register().unwrap();
        RateLimiter::builder("users").rate(Rate::per_second(10)).max_keys(64).register().unwrap();
    }
    let told = |overflowed, held| {
        let mut policies = registry.snapshot();
        let mut keys = resilience_runtime::KeyCounts::default();
        (keys.overflowed, keys.held) = (overflowed, held);
        policies.circuit_breakers[0].keys = Some(keys);
        policies.bulkheads[0].keys = Some(keys);
        policies.rate_limiters[0].keys = Some(keys);
        told_of(&registry, &policies, None)
    };
    assert_eq!(told(0, 64), []);
    assert!(told(1, 63)[0].help.contains("1 KiB"));
    let told_of_all = told(12, 64);
    assert_eq!(
        told_of_all.iter().map(|advice| advice.kind.unwrap()).collect::<Vec<_>>(),
        [Kind::CircuitBreaker, Kind::Bulkhead, Kind::RateLimit]
    );
    assert!(told_of_all.iter().all(|advice| advice.rule == "keys_overflow"));
    assert_eq!(
        told_of_all[0].text,
        "12 calls had a key for which circuit breaker `stock` has no instance of its own; `max_keys` is 64, and 64 are held"
    );
    assert!(told_of_all[0].help.contains("`max_keys = 128`"), "{}", told_of_all[0].help);
    assert!(told(1, 3)[2].help.contains("1 KiB"));
}

#[test]
fn a_queue_that_is_always_full_or_never_used_is_told() {
    let scope = Scope::new();
    let registry = scope.registry();
    {
        let _entered = scope.enter();
        Bulkhead::builder("pool").max_concurrent(20).max_queue(50).register().unwrap();
    }
    let told = |seconds, waiting: fn(u64) -> u64| {
        let mut policies = registry.snapshot();
        let past = after(seconds, &mut policies, 0, |second, policies| {
            policies.bulkheads[0].admitted += 1;
            policies.bulkheads[0].waiting = waiting(second);
        });
        told_of(&registry, &policies, Some(&past))
    };
    assert_eq!(told(400, |second| if second == 200 { 49 } else { 50 }), []);
    assert_eq!(told(200, |_| 50), [], "for three minutes only");
    let full = told(400, |_| 50);
    let (rule, text, help) = the_one(&full);
    assert_eq!(rule, "queue_always_full");
    assert!(text.contains("`pool` has been full for five minutes: 50 callers wait"), "{text}");
    assert!(help.contains("`max_concurrent` than 20"), "{help}");

    // In a program that has not run for as long, nearly all of the time is enough.
    let young = |seconds| {
        let (mut policies, mut rings) = (registry.snapshot(), Rings::new(4 << 20));
        policies.bulkheads[0].waiting = 50;
        for second in 0..seconds {
            rings.record(&policies, |_| 0, second * 1000);
        }
        told_of(&registry, &policies, Some(&rings)).len()
    };
    assert_eq!((young(280), young(295)), (0, 1));

    assert_eq!(told(11 * 3600, |_| 0), [], "not for long enough");
    assert_eq!(told(12 * 3600 + 120, |second| u64::from(second == 20_000)), [], "once is enough");
    let unused = told(12 * 3600 + 120, |_| 0);
    let (rule, _, help) = the_one(&unused);
    assert_eq!(rule, "queue_never_used");
    assert!(help.contains("leave `max_queue = 50` out"), "{help}");
}

#[test]
fn conflicts_and_refused_configurations_are_told() {
    let policies = RegistrySnapshot::default();
    let conflict = Disagreement {
        kind: Kind::RateLimit,
        name: Name::from("users"),
        in_force: "src/a.rs:3".to_owned(),
        not_in_force: "src/b.rs:9".to_owned(),
        keys: vec!["rate", "burst"],
    };
    let told = advise(&Facts { conflicts: vec![conflict], ..nothing(&policies) });
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "conflict");
    assert_eq!(help, "write the keys in one place and only the name in the other, or give one of them another name");
    assert_eq!(
        text,
        "rate limit `users` is configured twice: src/a.rs:3 is in force, src/b.rs:9 is not; they differ in `rate`, `burst`"
    );

    let told = |ago| {
        let (source, error) = (Name::from("resilience.toml"), "resilience.toml:7:1: unknown key `windw`".to_owned());
        advise(&Facts { refused: Some(Refused { source, error, ago }), ..nothing(&policies) })
    };
    assert_eq!(told(DAY), []);
    the_one(&told(DAY - Duration::from_secs(1)));
    let told = told(HOUR);
    let (rule, text, _) = the_one(&told);
    assert_eq!(rule, "configuration_refused");
    assert_eq!(
        text,
        "`resilience.toml` was refused 60 minutes ago, and what ran before keeps running: resilience.toml:7:1: unknown key `windw`"
    );
}

#[test]
fn a_history_that_is_shorter_than_others_is_told() {
    let (registry, _) = with_breaker(config());
    let mut policies = registry.snapshot();
    let breaker = policies.circuit_breakers.remove(0);
    for nth in 0..20 {
        let mut breaker = breaker.clone();
        breaker.name = Name::from(format!("breaker {nth:02}"));
        policies.circuit_breakers.push(breaker);
    }
    let told = |bound| {
        let mut policies = policies.clone();
        let mut rings = Rings::new(bound);
        for second in 1000..1020 {
            policies.circuit_breakers.iter_mut().for_each(|breaker| breaker.totals.successes += 1);
            rings.record(&policies, |_| 0, second * 1000);
        }
        told_of(&registry, &policies, Some(&rings))
    };
    assert_eq!(told(1 << 20), []);
    let told = told(64 << 10);
    let (rule, text, help) = the_one(&told);
    assert_eq!(rule, "history_shortened");
    assert!(text.starts_with("the history takes ") && text.contains(" of 64 KiB: "), "{text}");
    // The first three of them.
    let of_the_quietest = " of the quietest policies have a shorter one than others, `breaker 00`, `breaker 01`, `breaker 02` among them, and 0 have none";
    assert!(text.ends_with(of_the_quietest), "{text}");
    assert_eq!(help, "write `.history(History::of_bytes(4 << 20))`");
}

/// What is said of a time, at the bound of each unit and one second beside it.
#[test]
fn a_time_is_told_in_its_largest_unit_of_which_there_are_two() {
    let policies = RegistrySnapshot::default();
    let told = |seconds| {
        let (source, ago) = (Name::from("a"), Duration::from_secs(seconds));
        advise(&Facts { refused: Some(Refused { source, error: String::new(), ago }), ..nothing(&policies) })
    };
    let (registry, _) = with_breaker(config().mode(resilience_runtime::Mode::Monitor));
    let of_days = |seconds| {
        let mut policies = registry.snapshot();
        policies.circuit_breakers[0].history.as_mut().unwrap().time.monitoring = Duration::from_secs(seconds);
        told_of(&registry, &policies, None)
    };
    for (seconds, expected) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (2, "2 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (86_399, "23 hours"),
    ] {
        assert!(the_one(&told(seconds)).1.contains(&format!(" {expected} ago")), "{seconds}: {expected}");
    }
    for (seconds, expected) in [(86_400, "24 hours"), (172_799, "47 hours"), (172_800, "2 days"), (864_000, "10 days")]
    {
        assert!(the_one(&of_days(seconds)).1.contains(&format!(" {expected},")), "{seconds}: {expected}");
    }
}

/// A user reads them from the top: what does nothing at all before what could do better.
#[test]
fn advice_is_told_in_the_order_of_the_rules() {
    let scope = Scope::new();
    let entered = scope.enter();
    for name in ["forced", "monitors", "probes"] {
        CircuitBreaker::builder(name).register().unwrap();
    }
    drop(entered);
    let mut policies = scope.registry().snapshot();
    for breaker in &mut policies.circuit_breakers {
        let (history, mut keys) = (breaker.history.as_mut().unwrap(), resilience_runtime::KeyCounts::default());
        breaker.age = DAY;
        match breaker.name.as_str() {
            "forced" => (breaker.state, history.time.forced_open) = (State::ForcedOpen, DAY),
            "monitors" => (breaker.state, history.time.monitoring) = (State::Monitoring, DAY),
            _ => history.openings.probe_timed_out = 3,
        }
        keys.overflowed = u64::from(breaker.name.as_str() == "probes");
        breaker.keys = Some(keys);
    }
    let conflict = |name: &str| {
        let (name, in_force, not_in_force) = (Name::from(name.to_owned()), String::new(), String::new());
        Disagreement { kind: Kind::Retry, name, in_force, not_in_force, keys: vec!["delay"] }
    };
    let fallback = |name: &str| {
        let (operation, location) = (Name::from(name.to_owned()), String::new());
        Fallbacks { operation, location, answered: 0, failed: 10 }
    };
    let told = advise(&Facts {
        conflicts: vec![conflict("b"), conflict("a")],
        fallbacks: vec![fallback("d"), fallback("c")],
        refused: Some(Refused { source: Name::from("file"), error: String::new(), ago: HOUR }),
        ..nothing(&policies)
    });
    let told: Vec<_> = told.iter().map(|advice| (advice.rule, advice.name.as_deref().unwrap_or("-"))).collect();
    let expected = [
        ("configuration_refused", "-"),
        ("conflict", "b"),
        ("conflict", "a"),
        ("forced_open", "forced"),
        ("ready_to_enforce", "monitors"),
        ("probes_time_out", "probes"),
        ("fallback_fails", "d"),
        ("fallback_fails", "c"),
        ("keys_overflow", "probes"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn advice_is_printed_as_what_is_wrong_and_what_to_write() {
    let policies = RegistrySnapshot::default();
    let (source, error) = (Name::from("a"), "wrong".to_owned());
    let told = advise(&Facts { refused: Some(Refused { source, error, ago: HOUR }), ..nothing(&policies) });
    assert_eq!(
        told[0].to_string(),
        "`a` was refused 60 minutes ago, and what ran before keeps running: wrong\n  help: correct that line; nothing of a file is applied as long as one line of it is wrong"
    );
}

#[test]
fn a_name_in_what_is_to_be_written_is_a_literal() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("a \"b\"").register().unwrap();
    breaker.force_open();
    let mut policies = scope.registry().snapshot();
    policies.circuit_breakers[0].age = DAY;
    policies.circuit_breakers[0].history.as_mut().unwrap().time.forced_open = DAY;
    let told = told_of(&scope.registry(), &policies, None);
    let (_, text, help) = the_one(&told);
    assert!(text.contains("by hand"), "{text}");
    assert!(help.contains(r#"steer("a \"b\"")"#), "{help}");
}
