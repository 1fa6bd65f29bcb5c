//! Why something failed is told: the text of the error and of its sources, to whoever listens, and of no harm to anybody.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Cause, CauseText, CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Events, Failure, MAX_CAUSE_BYTES,
    Pipeline, Rejection, State, Topic, Verdict, WindowCounts, circuit_breaker, fallback, private, registry, retry,
    timeout,
};
use std::error::Error;
use std::fmt::{self, Display};
use std::future::pending;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// An error of a client, and what is behind it.
#[derive(Debug, thiserror::Error)]
enum Fetch {
    #[error("error sending request")]
    Send(#[source] Connect),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[derive(Debug, thiserror::Error)]
#[error("error trying to connect: {0}")]
struct Connect(#[source] std::io::Error);

/// The innermost text is in the one around it already.
const SENT: &str = "error sending request: error trying to connect: connection refused";

fn refused() -> Fetch {
    Fetch::Send(Connect(std::io::Error::other("connection refused")))
}

/// Everything, outcomes too.
fn all() -> Events {
    registry().subscribe_with(EventFilter::default().and(Topic::Outcome))
}

/// Of each event that has a cause: its topic and that cause.
fn causes(events: &mut Events) -> Vec<(Topic, String)> {
    let told = std::iter::from_fn(|| events.try_recv());
    told.filter_map(|event| Some((event.topic(), event.cause()?.to_string()))).collect()
}

#[retry(attempts = 2, delay = "1ms")]
#[circuit_breaker("causes: whole", consecutive_failures = 2)]
#[fallback(in_its_place)]
async fn whole() -> Result<u8, Fetch> {
    Err(refused())
}

async fn in_its_place() -> Result<u8, Fetch> {
    Err(Fetch::Send(Connect(std::io::Error::other("no cache"))))
}

#[tokio::test(start_paused = true)]
async fn every_event_of_a_failure_says_what_the_error_and_its_sources_said() {
    let _entered = Scope::new().enter();
    let mut events = all();
    whole().await.unwrap_err();
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
    let lines: Vec<String> = told.iter().map(ToString::to_string).collect();
    let expected = [
        format!("circuit_breaker `causes: whole`: a call failed ({SENT})"),
        format!("retry `causes::whole`: attempt 1 failed after 0ns ({SENT}), the next one comes in "),
        format!("circuit_breaker `causes: whole`: a call failed ({SENT})"),
        format!("circuit_breaker `causes: whole`: closed -> open (2 consecutive failures); last error: {SENT}"),
        "retry `causes::whole`: gave up after attempt 2 and ".to_owned(),
        format!("fallback `causes::whole`: answers for an error ({SENT})"),
        "fallback `causes::whole`: failed too (error sending request: error trying to connect: no cache)".to_owned(),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    assert!(lines[4].contains(&format!("({SENT}): all attempts were made")), "{}", lines[4]);
    let last = registry().circuit_breaker("causes: whole").unwrap().snapshot().last_error.unwrap();
    assert_eq!((last.cause.as_str(), last.at), (SENT, told[3].at()));
}

/// One link of a chain: what it says, and what is behind it.
#[derive(Debug)]
struct Link(&'static str, Option<&'static Link>);

impl Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        if self.0.ends_with('…') { Err(fmt::Error) } else { Ok(()) }
    }
}

impl Error for Link {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.map(|next| next as _)
    }
}

/// One that leads back to where it began.
#[derive(Debug)]
struct Circle;

impl Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static TOLD: AtomicU64 = AtomicU64::new(0);
        write!(f, "{:x}", TOLD.fetch_add(1, Relaxed))
    }
}

impl Error for Circle {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Self)
    }
}

#[test]
fn a_source_is_told_where_what_is_around_it_does_not_end_in_it_and_sixteen_at_most() {
    static REFUSED: Link = Link("refused", None);
    static CONNECT: Link = Link("connect", Some(&REFUSED));
    static ENDS: Link = Link("cannot connect", Some(&CONNECT));
    static BEGINS: Link = Link("refused it was", Some(&REFUSED));
    static BROKEN_OFF: Link = Link("connect…", Some(&REFUSED));
    static AROUND: Link = Link("not sent", Some(&BROKEN_OFF));
    for (link, told) in [
        (&REFUSED, "refused"),
        (&CONNECT, "connect: refused"),
        (&ENDS, "cannot connect: refused"),
        (&BEGINS, "refused it was: refused"),
        (&AROUND, "not sent: connect…"),
    ] {
        assert_eq!(cause_of(link), told);
    }
    assert_eq!(cause_of(Circle).split(": ").count(), 1 + 16);
}

/// So many bytes, and how often they were printed.
#[derive(Debug)]
struct Long {
    bytes: usize,
    printed: AtomicU64,
    source: Option<&'static Long>,
}

impl Display for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.printed.fetch_add(1, Relaxed);
        write!(f, "{:>1$}", self.bytes, self.bytes)
    }
}

impl Error for Long {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.map(|source| source as _)
    }
}

#[tokio::test]
async fn where_the_text_is_full_that_is_said_and_no_further_source_is_asked() {
    let full = Err(fmt::Error);
    // A text, `: `, another one, `: ` and one of a byte.
    for (first, second, written, printed) in [
        (100, 150, Ok(()), [1, 1, 1]),
        (100, 151, Ok(()), [1, 1, 1]),
        (100, 152, full, [1, 1, 1]),
        (100, 154, full, [1, 1, 1]),
        (100, 155, full, [1, 1, 0]),
        (256, 11, full, [1, 1, 0]),
        (257, 11, full, [1, 0, 0]),
    ] {
        let link = |bytes, source| &*Box::leak(Box::new(Long { bytes, printed: AtomicU64::new(0), source }));
        let third = link(1, None);
        let second = link(second, Some(third));
        let first = link(first, Some(second));
        static WRITTEN: Mutex<Option<fmt::Result>> = Mutex::new(None);
        let describe = |error: &&'static Long, text: &mut CauseText| {
            let written = Cause::of_error(error, text);
            *WRITTEN.lock().unwrap() = Some(written);
            written
        };
        let _entered = Scope::new().enter();
        let breaker = CircuitBreakerConfig::new().consecutive_failures(1);
        let pipeline = Pipeline::builder("causes: full").circuit_breaker(breaker).build().unwrap();
        pipeline.causes(describe).call(|| async { Err::<(), _>(first) }).await.unwrap_err();
        let printed_now = [first, second, third].map(|link| link.printed.load(Relaxed));
        assert_eq!((WRITTEN.lock().unwrap().take(), printed_now), (Some(written), printed), "{first:?}");
    }
}

/// What a breaker is told of such an error.
fn cause_of(error: impl Into<Boxed>) -> String {
    let breaker = CircuitBreaker::builder("causes: chain").build().unwrap();
    let result = Err::<(), Failure<Boxed>>(Failure::Call(error.into()));
    use private::DescribeError as _;
    let describe = private::error_of(&result).describe_error();
    let permit = breaker.try_acquire().unwrap();
    private::settle(permit, describe, result, private::every, private::nothing).unwrap_err();
    breaker.snapshot().last_error.unwrap().cause.to_string()
}

macro_rules! breakers {
    ($($function:ident: $error:ty, $make:expr;)*) => {$(
        #[circuit_breaker(consecutive_failures = 1, map_rejection = |_| $make)]
        fn $function() -> Result<(), $error> {
            Err($make)
        }
    )*};
}

#[derive(Debug, Clone)]
struct Bare;

#[derive(Debug)]
struct Printed(&'static str);

impl Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

struct Hostile;

impl Display for Hostile {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("while it is printed")
    }
}

struct BreaksOff;

impl Display for BreaksOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the password is ")?;
        panic!("while it is printed")
    }
}

type Boxed = Box<dyn Error + Send + Sync>;

/// As `anyhow::Error` is: no error itself, and a way to one.
struct Opaque(Boxed);

impl AsRef<dyn Error + Send + Sync> for Opaque {
    fn as_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

breakers! {
    of_a_boxed_one: Boxed, Boxed::from(refused());
    of_an_opaque_one: Opaque, Opaque(refused().into());
    of_a_local_one: Box<dyn Error>, Box::<dyn Error>::from(refused());
    of_a_printed_one: Printed, Printed("out of stock");
    of_a_text: String, "no such shelf".to_owned();
    of_a_bare_one: Bare, Bare;
    of_a_hostile_one: Hostile, Hostile;
    of_one_that_breaks_off: BreaksOff, BreaksOff;
    of_lines: Printed, Printed("one\ntwo\u{1b}[31m\u{2028}three");
}

/// What the opening of the only breaker is told to follow from.
fn told_of<T, E>(function: fn() -> Result<T, E>) -> Option<String> {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Transition]));
    assert!(function().is_err());
    let told = events.try_recv().expect("it has opened");
    let cause = told.cause().map(ToString::to_string);
    let kept = registry().circuit_breakers().next().unwrap().snapshot().last_error;
    assert_eq!(kept.map(|last| last.cause.to_string()), cause);
    cause
}

#[test]
fn an_error_is_described_by_what_it_implements() {
    assert_eq!(told_of(of_a_boxed_one).as_deref(), Some(SENT));
    assert_eq!(told_of(of_an_opaque_one).as_deref(), Some(SENT));
    assert_eq!(told_of(of_a_local_one).as_deref(), Some(SENT));
    assert_eq!(told_of(of_a_printed_one).as_deref(), Some("out of stock"));
    assert_eq!(told_of(of_a_text).as_deref(), Some("no such shelf"));
    assert_eq!(told_of(of_a_bare_one), None, "it says nothing, and what `Debug` shows is nobody's business");
}

#[circuit_breaker(consecutive_failures = 1, map_rejection = |_| unreachable!())]
async fn of_whatever_is_printed<E: Display>(error: E) -> Result<(), E> {
    Err(error)
}

#[circuit_breaker(consecutive_failures = 1, map_rejection = |_| unreachable!())]
async fn of_whatever<E>(error: E) -> Result<(), E> {
    Err(error)
}

#[tokio::test]
async fn in_a_generic_function_an_error_is_described_by_its_bounds() {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Transition]));
    of_whatever_is_printed(refused()).await.unwrap_err();
    of_whatever(refused()).await.unwrap_err();
    let told: Vec<Event> = std::iter::from_fn(|| events.try_recv()).collect();
    assert_eq!(told[0].cause().unwrap(), &"error sending request", "it is not known to have sources");
    assert!(*told[0].cause().unwrap() != "error sending" && *told[0].cause().unwrap() != *"error sending");
    assert_eq!(told[1].cause(), None);
}

#[test]
fn a_cause_is_compared_with_texts_by_all_of_what_it_says() {
    let cause = Cause::from("connection refused");
    assert!(cause == "connection refused" && cause == *"connection refused");
    let other = Cause::from("connection reset");
    assert!(cause != "connection" && cause != *"connection" && cause != other);
}

#[test]
fn one_that_panics_while_it_is_printed_says_nothing_and_harms_nobody() {
    assert_eq!(told_of(of_a_hostile_one), None);
    assert_eq!(told_of(of_one_that_breaks_off), None, "not even the half of it");
}

#[tokio::test(start_paused = true)]
async fn control_characters_are_escaped_and_a_long_text_is_cut_at_a_character() {
    assert_eq!(told_of(of_lines).unwrap(), r"one\ntwo\u{1b}[31m\u{2028}three");
    let breaker = CircuitBreaker::builder("causes: long").build().unwrap();
    for (text, cut) in [
        ("x".repeat(300), "x".repeat(MAX_CAUSE_BYTES)),
        ("é".repeat(300), "é".repeat(MAX_CAUSE_BYTES / 2)),
        (format!("x{}", "é".repeat(300)), format!("x{}", "é".repeat(MAX_CAUSE_BYTES / 2 - 1))),
        ("\0".repeat(300), r"\0".repeat(MAX_CAUSE_BYTES / 2)),
        // No shorter one after it takes the room that is left.
        (format!("{}éx", "x".repeat(MAX_CAUSE_BYTES - 1)), "x".repeat(MAX_CAUSE_BYTES - 1)),
    ] {
        tokio::time::advance(Duration::from_millis(100)).await;
        breaker.try_acquire().unwrap().failure_because(&text);
        assert_eq!(breaker.snapshot().last_error.unwrap().cause, *cut);
    }
}

/// Counts how often it is printed.
#[derive(Debug)]
struct Counted<'a>(&'a AtomicU64);

impl Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, Relaxed);
        f.write_str("counted")
    }
}

#[circuit_breaker("causes: counted", consecutive_failures = none, failure_rate = 100, minimum_calls = 1000, map_rejection = |_| unreachable!())]
async fn counted(printed: &AtomicU64) -> Result<(), Counted<'_>> {
    Err(Counted(printed))
}

#[tokio::test(start_paused = true)]
async fn without_a_listener_at_most_ten_a_second_are_printed() {
    let _entered = Scope::new().enter();
    let printed = AtomicU64::new(0);
    for _ in 0..500 {
        counted(&printed).await.unwrap_err();
        tokio::time::advance(Duration::from_millis(2)).await;
    }
    assert!((9..=10).contains(&printed.swap(0, Relaxed)), "in a second");
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Outcome]));
    for _ in 0..100 {
        counted(&printed).await.unwrap_err();
    }
    assert_eq!(causes(&mut events).len(), 100);
    assert_eq!(printed.load(Relaxed), 100, "each once");
}

/// Asks its own breaker while it is printed.
#[derive(Debug)]
struct Curious(&'static str);

impl Display for Curious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let breaker = registry().circuit_breaker(self.0).unwrap();
        let _ = breaker.try_acquire().map(|permit| permit.success());
        write!(f, "{} at {:?}", breaker.snapshot().state, breaker.recent_events().len())?;
        breaker.force_open();
        Ok(())
    }
}

/// What no failure has caused by itself is told with the last one, where failures are the reason.
#[tokio::test(start_paused = true)]
async fn what_a_success_brings_about_is_told_with_the_last_failure_where_failures_are_the_reason() {
    fn at_two(counts: &WindowCounts) -> bool {
        counts.calls == 2
    }
    let slow = Duration::from_millis(10);
    let config = CircuitBreakerConfig::new().minimum_calls(2).half_open_calls(1).slow_call(slow);
    let told = async |config: CircuitBreakerConfig, rule: Option<fn(&WindowCounts) -> bool>, takes: Duration| {
        let _entered = Scope::new().enter();
        let mut events = registry().subscribe_with(EventFilter::of([Topic::Transition]));
        let breaker = CircuitBreaker::builder("causes: by a success").config(config);
        let breaker = rule.into_iter().fold(breaker, |breaker, rule| breaker.trip_if(rule)).register().unwrap();
        breaker.try_acquire().unwrap().failure_because(&"busy");
        let permit = breaker.try_acquire().unwrap();
        tokio::time::advance(takes).await;
        permit.success();
        let opened = causes(&mut events);
        // The probe succeeds, and is too slow for one.
        tokio::time::advance(Duration::from_secs(30)).await;
        let probe = breaker.try_acquire().unwrap();
        tokio::time::advance(2 * slow).await;
        probe.success();
        assert_eq!(causes(&mut events), [(Topic::Transition, "busy".to_owned())], "the probe's");
        opened
    };
    let busy = [(Topic::Transition, "busy".to_owned())];
    assert_eq!(told(config.failure_rate(50.0), None, Duration::ZERO).await, busy);
    assert_eq!(told(config.failure_rate(100.0), Some(at_two), Duration::ZERO).await, busy);
    assert_eq!(told(config.failure_rate(100.0).slow_call_rate(50.0), None, 2 * slow).await, []);
}

#[circuit_breaker("causes: curious", consecutive_failures = 1, map_rejection = |_| unreachable!())]
async fn curious() -> Result<(), Curious> {
    Err(Curious("causes: curious"))
}

#[tokio::test]
async fn no_lock_is_held_while_an_error_is_printed() {
    let _entered = Scope::new().enter();
    let mut events = all();
    curious().await.unwrap_err();
    assert_eq!(registry().circuit_breaker("causes: curious").unwrap().state(), State::ForcedOpen);
    assert!(std::iter::from_fn(|| events.try_recv()).count() > 1);
}

#[circuit_breaker("causes: timed out", consecutive_failures = 1)]
#[timeout("1s")]
async fn hangs() -> Result<(), Fetch> {
    pending().await
}

#[circuit_breaker("causes: panics", consecutive_failures = 1)]
async fn panics() -> Result<(), Fetch> {
    panic!("in the body")
}

#[circuit_breaker("causes: given up", consecutive_failures = 1)]
async fn given_up() -> Result<(), Fetch> {
    pending().await
}

#[circuit_breaker("causes: classified", consecutive_failures = 1, classify = |_| Verdict::FAILURE)]
async fn classified() -> Result<u8, Fetch> {
    Ok(7)
}

#[tokio::test(start_paused = true)]
async fn what_fails_without_an_error_says_what_it_was() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Transition]));
    hangs().await.unwrap_err();
    tokio::spawn(scope.wrap(panics())).await.unwrap_err();
    let _ = tokio::time::timeout(Duration::from_secs(3), given_up()).await;
    classified().await.unwrap();
    let told: Vec<String> = causes(&mut events).into_iter().map(|(_, cause)| cause).collect();
    assert_eq!(
        told,
        [
            "`causes::hangs` timed out after 1s",
            "a panic",
            "abandoned by its caller",
            "an answer that is classified as a failure",
        ]
    );
}

#[test]
fn a_success_that_opens_it_says_what_the_last_failure_said() {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Transition]));
    let breaker = CircuitBreaker::builder("causes: completed").minimum_calls(2).register().unwrap();
    breaker.try_acquire().unwrap().failure_because(&"busy");
    breaker.try_acquire().unwrap().success();
    assert_eq!(causes(&mut events), [(Topic::Transition, "busy".to_owned())]);
}

#[circuit_breaker("causes: keyed", key = key, max_keys = 1, consecutive_failures = none)]
async fn keyed(key: u8) -> Result<(), Fetch> {
    if key == 7 { Err(refused()) } else { Ok(()) }
}

#[tokio::test]
async fn a_key_does_not_see_what_the_one_before_it_failed_with() {
    let _entered = Scope::new().enter();
    keyed(7).await.unwrap_err();
    let breaker = registry().circuit_breaker("causes: keyed").unwrap();
    let last = |key| breaker.of_key(key).unwrap().snapshot().last_error;
    assert_eq!(last("7").unwrap().cause, SENT);
    keyed(8).await.unwrap();
    assert_eq!(last("8"), None);
    // Nor does it wait for its own to be kept, as that one would: at most ten a second are.
    let breaker = CircuitBreaker::builder("causes: next key").no_consecutive_failures().max_keys(1).build().unwrap();
    for (key, cause) in [("a", "refused"), ("b", "busy")] {
        breaker.keyed(key).try_acquire().unwrap().failure_because(&cause);
        assert_eq!(breaker.of_key(key).unwrap().snapshot().last_error.unwrap().cause, cause);
    }
}

#[tokio::test(start_paused = true)]
async fn from_outside_all_of_them_are_kept_unsaid() {
    let _entered = Scope::new().enter();
    for (said, told) in [("causes = false", false), ("", true)] {
        registry().configure_from_str(said).unwrap();
        let mut events = all();
        let breaker = CircuitBreaker::builder(format!("causes: {told}")).consecutive_failures(1).register().unwrap();
        breaker.try_acquire().unwrap().failure_because(&"https://shop.example/?token=7");
        assert_eq!(breaker.snapshot().last_error.is_some(), told);
        assert_eq!(!causes(&mut events).is_empty(), told);
        // Of retries and fallbacks too.
        registry().circuit_breakers().for_each(|breaker| breaker.reset());
        whole().await.unwrap_err();
        let topics: Vec<_> = causes(&mut events).into_iter().map(|(topic, _)| topic).collect();
        let of_all = [Topic::Outcome, Topic::Retry, Topic::RetriesEnded, Topic::Fallback, Topic::FallbackFailed];
        assert!(of_all.iter().all(|topic| topics.contains(topic) == told), "{topics:?}");
    }
    let variable = |value: &str| [("RESILIENCE__CAUSES".to_owned(), value.to_owned())];
    registry().configure_from_environment(variable("false")).unwrap();
    assert_eq!(registry().circuit_breaker("causes: true").unwrap().snapshot().last_error, None);
    let error = registry().configure_from_environment(variable("no")).unwrap_err();
    assert_eq!(error.to_string(), "RESILIENCE__CAUSES: `causes` must be `true` or `false`, without quotes");
    let error = registry().configure_from_str("causes = 0").unwrap_err();
    assert_eq!(error.to_string(), "text:1:10: `causes` must be `true` or `false`, without quotes");
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_that_of_a_failed_probe_and_not_that_of_a_call_that_was_only_slow() {
    let builder = CircuitBreaker::builder("causes: probe").consecutive_failures(1).half_open_successes(1);
    let breaker = builder.slow_call(Duration::from_millis(100)).build().unwrap();
    let said = || breaker.snapshot().last_error.map(|error| error.cause.to_string());
    // Dropped when it is slow, and before it is abandoned.
    let call = breaker.call(std::future::pending::<Result<(), &str>>());
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    assert_eq!((breaker.totals().slow, said()), (1, None));
    breaker.try_acquire().unwrap().failure_because(&"it is down");
    assert_eq!(said().as_deref(), Some("it is down"));
    tokio::time::advance(Duration::from_secs(30)).await;
    breaker.try_acquire().unwrap().failure_because(&"it is still down");
    assert_eq!((breaker.state(), said().as_deref()), (State::HalfOpen, Some("it is still down")));
}
