//! Every order of two and of three policies that may stand together, against an interpreter of one page that does what the
//! order says: what the body saw, what was returned and when, and what each policy counted. Virtual time.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, Registry, Rejection, RejectionKind, bulkhead, circuit_breaker, rate_limit, registry, retry, timeout,
};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// What the body does when it is run next; each takes 10 ms.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Succeeds,
    Fails,
    Hangs,
}

use Step::{Fails, Hangs, Succeeds};

struct Body {
    steps: RefCell<VecDeque<Step>>,
    runs: Cell<u32>,
}

impl Body {
    async fn run(&self) -> Result<(), Error> {
        self.runs.set(self.runs.get() + 1);
        let step = self.steps.borrow_mut().pop_front().unwrap_or(Succeeds);
        sleep(BODY).await;
        match step {
            Succeeds => Ok(()),
            Fails => Err(Error::Failed),
            Hangs => pending().await,
        }
    }
}

const BODY: Duration = Duration::from_millis(10);
const TIMEOUT: Duration = Duration::from_millis(100);
const DELAY: Duration = Duration::from_millis(50);
const OPEN_FOR: Duration = Duration::from_secs(10);
/// Between two turns, of which three may come at once.
const TURN: Duration = Duration::from_millis(200);
const BURST: u32 = 3;

/// One function for an order of letters, and the table of all of them.
macro_rules! orders {
    (@function $name:ident [$($attribute:tt)*]) => {
        $($attribute)*
        async fn $name(body: &Body) -> Result<(), Error> {
            body.run().await
        }
    };
    (@function $name:ident [$($attribute:tt)*] R $($rest:ident)*) => {
        orders!(@function $name [$($attribute)* #[retry(attempts = 2, delay = "50ms", backoff = constant, jitter = none)]] $($rest)*);
    };
    (@function $name:ident [$($attribute:tt)*] C $($rest:ident)*) => {
        orders!(@function $name [$($attribute)*
            #[circuit_breaker(window = none, consecutive_failures = 3, open_for = "10s", half_open_calls = 1)]] $($rest)*);
    };
    (@function $name:ident [$($attribute:tt)*] B $($rest:ident)*) => {
        orders!(@function $name [$($attribute)* #[bulkhead(max_concurrent = 1)]] $($rest)*);
    };
    (@function $name:ident [$($attribute:tt)*] T $($rest:ident)*) => {
        orders!(@function $name [$($attribute)* #[timeout("100ms")]] $($rest)*);
    };
    (@function $name:ident [$($attribute:tt)*] L $($rest:ident)*) => {
        orders!(@function $name [$($attribute)* #[rate_limit("5/s", burst = 3)]] $($rest)*);
    };
    ($($name:ident: $($letter:ident)*;)*) => {
        $(orders!(@function $name [] $($letter)*);)*

        async fn call(order: &str, body: &Body) -> Result<(), Error> {
            match order {
                $(stringify!($name) => $name(body).await,)*
                _ => unreachable!("{order}"),
            }
        }

        const ORDERS: &[&str] = &[$(stringify!($name)),*];
    };
}

// A timeout above a circuit breaker wants another one below the breaker, so `tc` and its like are not here: they do not compile.
orders! {
    rc: R C; rb: R B; rt: R T; rl: R L;
    cr: C R; cb: C B; ct: C T; cl: C L;
    br: B R; bc: B C; bt: B T; bl: B L;
    tr: T R; tb: T B; tl: T L;
    lr: L R; lc: L C; lb: L B; lt: L T;

    rcb: R C B; rct: R C T; rcl: R C L; rbc: R B C; rbt: R B T; rbl: R B L;
    rtb: R T B; rtl: R T L; rlc: R L C; rlb: R L B; rlt: R L T;
    crb: C R B; crt: C R T; crl: C R L; cbr: C B R; cbt: C B T; cbl: C B L;
    ctr: C T R; ctb: C T B; ctl: C T L; clr: C L R; clb: C L B; clt: C L T;
    brc: B R C; brt: B R T; brl: B R L; bcr: B C R; bct: B C T; bcl: B C L;
    btr: B T R; btl: B T L; blr: B L R; blc: B L C; blt: B L T;
    trb: T R B; trl: T R L; tbr: T B R; tbl: T B L; tlr: T L R; tlb: T L B; trt: T R T;
    lrc: L R C; lrb: L R B; lrt: L R T; lcr: L C R; lcb: L C B; lct: L C T;
    lbr: L B R; lbc: L B C; lbt: L B T; ltr: L T R; ltb: L T B;
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Ok,
    Failed,
    Rejected(RejectionKind),
    /// Dropped by the timeout of that layer.
    Dropped(usize),
}

/// What the policies of one order do, in order.
struct Interpreter {
    order: &'static str,
    now: Duration,
    steps: VecDeque<Step>,
    runs: u32,
    row: u32,
    open_until: Option<Duration>,
    turns_from: Duration,
    /// The bulkhead's only place is held by somebody else.
    full: bool,
    counts: Counts,
    /// When the last rejection by the rate limiter says to come again.
    turn_at: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    successes: u64,
    failures: u64,
    ignored: u64,
    cancelled: u64,
    open: u64,
    retries: u64,
    timed_out: u64,
    full: u64,
    limited: u64,
}

impl Interpreter {
    /// Lets time pass, unless a timeout comes first: what is ready at the deadline itself is in time.
    fn pass(&mut self, time: Duration, deadlines: &[(usize, Duration)]) -> Option<End> {
        let end = self.now.saturating_add(time);
        // Of two at the same moment the inner one is asked first.
        let first =
            deadlines.iter().rev().min_by_key(|(_, deadline)| *deadline).filter(|(_, deadline)| *deadline < end);
        match first {
            Some(&(layer, deadline)) => {
                self.now = deadline;
                Some(End::Dropped(layer))
            }
            None => {
                self.now = end;
                None
            }
        }
    }

    fn run(&mut self, layer: usize, deadlines: &[(usize, Duration)]) -> End {
        let inside = |this: &mut Self| this.run(layer + 1, deadlines);
        match self.order.as_bytes().get(layer) {
            None => {
                self.runs += 1;
                let step = self.steps.pop_front().unwrap_or(Succeeds);
                let time = if step == Hangs { Duration::MAX } else { BODY };
                self.pass(time, deadlines).unwrap_or(if step == Fails { End::Failed } else { End::Ok })
            }
            Some(b'r') => match inside(self) {
                end @ (End::Ok | End::Dropped(_) | End::Rejected(RejectionKind::CircuitOpen)) => end,
                failed => {
                    let wait = match failed {
                        End::Rejected(RejectionKind::RateLimited) => self.turn_at - self.now,
                        _ => DELAY,
                    };
                    let has_breaker_below = self.order[layer..].contains('c');
                    if has_breaker_below && self.open_until.is_some_and(|until| until > self.now + wait) {
                        return failed;
                    }
                    self.counts.retries += 1;
                    self.pass(wait, deadlines).unwrap_or_else(|| inside(self))
                }
            },
            Some(b'c') => self.break_circuit(inside),
            Some(b'b') => {
                if self.full {
                    self.counts.full += 1;
                    return End::Rejected(RejectionKind::BulkheadFull);
                }
                inside(self)
            }
            Some(b't') => {
                let mut deadlines = deadlines.to_vec();
                deadlines.push((layer, self.now + TIMEOUT));
                match self.run(layer + 1, &deadlines) {
                    End::Dropped(by) if by == layer => {
                        self.counts.timed_out += 1;
                        End::Rejected(RejectionKind::TimedOut)
                    }
                    end => end,
                }
            }
            Some(b'l') => {
                let from = self.turns_from.max(self.now);
                if from + TURN > self.now + TURN * BURST {
                    self.turn_at = from + TURN - TURN * BURST;
                    self.counts.limited += 1;
                    return End::Rejected(RejectionKind::RateLimited);
                }
                self.turns_from = from + TURN;
                inside(self)
            }
            Some(other) => unreachable!("{other}"),
        }
    }

    fn break_circuit(&mut self, inside: impl FnOnce(&mut Self) -> End) -> End {
        let probes = match self.open_until {
            Some(until) if self.now < until => {
                self.counts.open += 1;
                return End::Rejected(RejectionKind::CircuitOpen);
            }
            open_until => open_until.is_some(),
        };
        let end = inside(self);
        match end {
            End::Ok => {
                self.counts.successes += 1;
                (self.row, self.open_until) = (0, None);
            }
            End::Failed | End::Rejected(RejectionKind::TimedOut) => {
                self.counts.failures += 1;
                self.row += 1;
                if probes || self.row >= 3 {
                    (self.row, self.open_until) = (0, Some(self.now + OPEN_FOR));
                }
            }
            End::Rejected(_) => self.counts.ignored += 1,
            End::Dropped(_) => self.counts.cancelled += 1,
        }
        end
    }
}

/// The counts of the policies of one function.
fn counts(registry: &Registry, order: &str) -> Counts {
    let name = format!("composition::{order}");
    let mut counts = Counts::default();
    if let Some(breaker) = registry.circuit_breaker(&name) {
        let totals = breaker.totals();
        counts.successes = totals.successes;
        counts.failures = totals.failures;
        counts.ignored = totals.ignored;
        counts.cancelled = totals.cancelled;
        counts.open = totals.rejected;
    }
    counts.retries = registry.retry(&name).map_or(0, |retry| retry.snapshot().retries);
    // Of two timeouts each has its own count.
    counts.timed_out = registry
        .timeouts()
        .map(|timeout| timeout.snapshot())
        .filter(|timeout| timeout.name.split(['@', '#']).next() == Some(&name))
        .map(|timeout| timeout.timed_out)
        .sum();
    counts.full = registry.bulkhead(&name).map_or(0, |bulkhead| bulkhead.snapshot().rejected);
    counts.limited = registry.rate_limiter(&name).map_or(0, |limiter| limiter.snapshot().rejected);
    counts
}

async fn play(order: &'static str) {
    let hangs = if order.contains('t') { Hangs } else { Fails };
    let steps =
        [Succeeds, Fails, hangs, Fails, Succeeds, hangs, Fails, Fails, Fails, Fails, Fails, hangs, Fails, Succeeds];
    let body = Body { steps: RefCell::new(steps.into()), runs: Cell::new(0) };
    let mut expected = Interpreter {
        order,
        now: Duration::ZERO,
        steps: steps.into(),
        runs: 0,
        row: 0,
        open_until: None,
        turns_from: Duration::ZERO,
        full: false,
        counts: Counts::default(),
        turn_at: Duration::ZERO,
    };
    let start = Instant::now();
    // Calls on end, calls with pauses that let turns come back, and calls after a time in which a breaker gets half-open.
    let pauses = [0, 0, 0, 5, 250, 0, 400, 700, 0, 11_000, 0, 100, 11_000, 0, 0];
    for (nth, pause) in pauses.into_iter().enumerate() {
        let pause = Duration::from_millis(pause);
        sleep(pause).await;
        expected.now += pause;
        // Somebody else is inside for one of them.
        let bulkhead = registry().bulkhead(&format!("composition::{order}"));
        expected.full = nth == 11 && bulkhead.is_some();
        let place = bulkhead.as_ref().filter(|_| nth == 11).map(|bulkhead| bulkhead.try_acquire().unwrap());

        let real = match call(order, &body).await {
            Ok(()) => End::Ok,
            Err(Error::Failed) => End::Failed,
            Err(Error::Rejected(rejection)) => End::Rejected(rejection.kind()),
        };
        drop(place);
        let context = format!("call {nth} of {order}");
        assert_eq!(real, expected.run(0, &[]), "{context}");
        assert_eq!(start.elapsed(), expected.now, "{context}");
        assert_eq!(body.runs.get(), expected.runs, "{context}");
        assert_eq!(counts(&registry(), order), expected.counts, "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_order_does_what_it_says() {
    for order in ORDERS {
        play(order).await;
    }
}

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn see(what: String) {
    SEEN.with_borrow_mut(|seen| seen.push(what));
}

/// What a call was given: it says what the breaker of that name has heard when it goes.
#[derive(Clone)]
struct Given(&'static str);

impl Drop for Given {
    fn drop(&mut self) {
        let totals = registry().circuit_breaker(self.0).unwrap().totals();
        see(format!("gone after {} rejected and {} failed", totals.rejected, totals.failures));
    }
}

#[derive(Debug)]
struct Told;

impl From<Rejection> for Told {
    fn from(rejection: Rejection) -> Self {
        see(format!("told of {:?}", rejection.kind()));
        Self
    }
}

fn looks_inside(_: &Told) -> bool {
    see(format!("judged with {} inside", registry().bulkhead("gone: inside").unwrap().snapshot().inside));
    true
}

#[circuit_breaker("gone: alone")]
async fn alone(_given: Given) -> Result<(), Told> {
    pending().await
}

#[circuit_breaker("gone: in layers")]
#[bulkhead(9)]
#[timeout("1s")]
async fn in_layers(_given: Given) -> Result<(), Told> {
    pending().await
}

#[circuit_breaker("gone: timed")]
#[timeout("1s")]
async fn timed(_given: Given) -> Result<(), Told> {
    pending().await
}

#[retry(attempts = 2, delay = "0s")]
#[circuit_breaker("gone: retried")]
async fn retried(_given: Given) -> Result<(), Told> {
    pending().await
}

#[circuit_breaker(failure_if = looks_inside)]
#[bulkhead(1, name = "gone: inside")]
async fn inside() -> Result<(), Told> {
    Err(Told)
}

/// However a call ends, what is inside has gone before what is around it hears of it.
#[tokio::test(start_paused = true)]
async fn what_a_call_was_given_is_gone_when_its_breaker_and_its_error_hear_how_it_ended() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let (gone, open) = ("gone after 0 rejected and 0 failed".to_owned(), "told of CircuitOpen".to_owned());
    for name in ["gone: alone", "gone: in layers", "gone: retried"] {
        CircuitBreaker::builder(name).register().unwrap().force_open();
    }
    alone(Given("gone: alone")).await.unwrap_err();
    assert_eq!(SEEN.take(), [gone.clone(), open.clone()]);
    in_layers(Given("gone: in layers")).await.unwrap_err();
    assert_eq!(SEEN.take(), [gone.clone(), open.clone()]);
    retried(Given("gone: retried")).await.unwrap_err();
    let seen = SEEN.take();
    assert_eq!((seen.first(), seen.last()), (Some(&gone), Some(&open)), "{seen:?}");

    registry().circuit_breaker("gone: in layers").unwrap().reset();
    in_layers(Given("gone: in layers")).await.unwrap_err();
    assert_eq!(SEEN.take(), ["gone after 1 rejected and 0 failed", "told of TimedOut"]);
    timed(Given("gone: timed")).await.unwrap_err();
    assert_eq!(SEEN.take(), [gone.as_str(), "told of TimedOut"]);
    inside().await.unwrap_err();
    assert_eq!(SEEN.take(), ["judged with 0 inside"]);
}
