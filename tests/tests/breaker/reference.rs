//! A circuit breaker as one would write it down: every outcome in a list, one thread, no cleverness. What it says is right.

use resilience_runtime::{CircuitBreakerConfig, Ended, OpenReason, State, Window, WindowCounts};
use std::time::Duration;

/// Why a call failed whose caller has left.
const GAVE_UP: &str = "abandoned by its caller";

/// What a call was admitted as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admitted {
    Closed { generation: u64 },
    Probe { generation: u64 },
    Unjudged,
    Uncounted,
}

#[derive(Clone, Copy, Debug)]
pub struct Permit {
    pub admitted: Admitted,
    began: Option<u64>,
    entered: u64,
    /// When its body began to wait.
    waits_since: Option<u64>,
    /// A call in its body has failed.
    nested_failed: bool,
    /// What came of its stream, once that is there.
    pub streamed: Option<Streamed>,
    /// How long it took, where that is known before it has ended.
    took: Option<u64>,
    /// When the reader of its stream began to wait for the next item.
    item_waits_since: Option<u64>,
}

/// What has come of a stream that has not been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Streamed {
    Nothing,
    /// Nothing but items that say nothing about the dependency.
    Ignored,
    Item,
}

impl Permit {
    fn new(admitted: Admitted, began: Option<u64>, entered: u64) -> Self {
        Self {
            admitted,
            began,
            entered,
            waits_since: None,
            nested_failed: false,
            streamed: None,
            took: None,
            item_waits_since: None,
        }
    }

    pub fn waits(&mut self, now: u64) {
        self.waits_since.get_or_insert(now);
    }

    /// The head of a stream is there: the reader may take as long as it wants until it asks.
    pub fn head(&mut self, now: u64) {
        self.streamed = Some(Streamed::Nothing);
        self.waits_since = None;
        self.took = self.began.map(|began| now - began);
    }

    /// The reader asks: until there is an item that did its work, time goes on.
    pub fn asked(&mut self, now: u64) {
        if self.streamed.is_some_and(|streamed| streamed != Streamed::Item)
            && let Some(took) = self.took.take()
        {
            self.began = Some(now - took);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Closed,
    /// `own` is how long it lasts where that was said.
    Open {
        lasts_openings: u64,
        own: Option<u64>,
    },
    /// `cooling` of those in flight were cancelled, and their permits are free at `free_at`.
    HalfOpen {
        began: u64,
        in_flight: u64,
        succeeded: u64,
        failed: u64,
        openings: u64,
        cooling: u64,
        free_at: u64,
    },
    Forced,
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Succeeded,
    Failed,
    Abandoned,
    /// Dropped when it was slow, and not abandoned.
    Dropped,
}

#[derive(Clone, Copy, Debug)]
struct Recorded {
    mark: u64,
    kind: Kind,
    slow: bool,
    /// Whether it was slow, however long that is known.
    was_slow: bool,
}

impl Recorded {
    fn is_call(&self) -> bool {
        matches!(self.kind, Kind::Succeeded | Kind::Failed)
    }

    fn is_in_slow_share(&self) -> bool {
        self.is_call() || self.was_slow
    }

    fn is_call_or_abandoned(&self) -> bool {
        self.is_call() || self.kind == Kind::Abandoned
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    pub successes: u64,
    pub failures: u64,
    pub slow: u64,
    pub ignored: u64,
    pub cancelled: u64,
    pub abandoned: u64,
    pub panicked: u64,
    pub stale: u64,
    pub rejected: u64,
    pub would_reject: u64,
    pub admitted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    Success,
    /// And what it says.
    Failure(Option<&'static str>),
    Ignored,
    Cancelled,
    /// By hand.
    Abandoned,
    Panicked,
}

/// How a call ended, and for how long its verdict opens the breaker.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub end: End,
    pub opens: Option<u64>,
}

impl Verdict {
    /// A failure says that.
    pub fn saying(self, says: &'static str) -> Self {
        let end = if let End::Failure(_) = self.end { End::Failure(Some(says)) } else { self.end };
        Self { end, ..self }
    }
}

impl From<End> for Verdict {
    fn from(end: End) -> Self {
        Self { end, opens: None }
    }
}

/// What is told, in the order in which it is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Moved(Moved),
    Ended { ended: Ended, cause: Option<String> },
    Slow { took: Duration, limit: Duration },
}

impl Told {
    fn moved(&mut self) -> Option<&mut Moved> {
        if let Self::Moved(moved) = self { Some(moved) } else { None }
    }
}

#[derive(Clone, Debug)]
pub struct Moved {
    pub from: State,
    pub to: State,
    pub reason: Option<OpenReason>,
    pub cause: Option<String>,
    pub monitored: bool,
    pub at: u64,
    /// When it happened, which may be dated back to before something that was told already.
    pub dated: u64,
}

impl PartialEq for Moved {
    fn eq(&self, other: &Self) -> bool {
        let told = |told: &Self| (told.from, told.to, told.reason, told.monitored, told.at);
        told(self) == told(other) && self.cause == other.cause
    }
}

pub struct Reference {
    config: CircuitBreakerConfig,
    trip_if: Option<fn(&WindowCounts) -> bool>,
    phase: Phase,
    monitored: bool,
    /// Percent of the calls to be rejected that are, and how many were asked about since it was set.
    share: u8,
    asked: u64,
    /// When the phase was entered.
    since: u64,
    generation: u64,
    recorded: Vec<Recorded>,
    /// From which on, of the sequences of a count window: calls; those and what was dropped when it was slow; those and what was abandoned.
    from: [usize; 3],
    row: u64,
    /// When the first failure of the row was.
    row_began: u64,
    reason: Option<OpenReason>,
    frozen: WindowCounts,
    /// What the last failure said, and when; and when the next one is kept of which there may be many.
    last_error: Option<(&'static str, u64)>,
    error_due: u64,
    /// Of successes and of failures, once anybody has asked: how many, and how many milliseconds they took together.
    latency: Option<[(u64, u64); 2]>,
    pub totals: Totals,
    pub told: Vec<Told>,
    /// When the last transition was told.
    latest: u64,
    pub now: u64,
}

fn bucket_start(millis: u64, now: u64) -> u64 {
    (now * 10 / millis * millis).div_ceil(10)
}

fn reach(millis: u64, now: u64) -> u64 {
    ((now * 10 / millis).saturating_sub(9) * millis).div_ceil(10)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

impl Reference {
    pub fn new(config: CircuitBreakerConfig, trip_if: Option<fn(&WindowCounts) -> bool>, now: u64) -> Self {
        let mut this = Self {
            config,
            trip_if,
            phase: Phase::Closed,
            monitored: false,
            share: 100,
            asked: 0,
            since: now,
            generation: 0,
            recorded: Vec::new(),
            from: [0; 3],
            row: 0,
            row_began: 0,
            reason: None,
            frozen: WindowCounts::default(),
            last_error: None,
            error_due: 0,
            latency: config.resolve().latency.then(Default::default),
            totals: Totals::default(),
            told: Vec::new(),
            latest: 0,
            now,
        };
        this.start();
        this
    }

    pub fn config(&self) -> CircuitBreakerConfig {
        self.config
    }

    pub fn has_trip_if(&self) -> bool {
        self.trip_if.is_some()
    }

    fn start(&mut self) {
        let monitors = self.config.resolve().mode.monitors();
        self.monitored = monitors == Some(true);
        self.phase = if monitors.is_some() { Phase::Closed } else { Phase::Disabled };
    }

    pub fn state(&self) -> State {
        if self.monitored { State::Monitoring } else { self.decided() }
    }

    pub fn decided(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
            Phase::Forced => State::ForcedOpen,
            Phase::Disabled => State::Disabled,
        }
    }

    pub fn reason(&self) -> Option<OpenReason> {
        if matches!(self.phase, Phase::Closed | Phase::Disabled) { None } else { self.reason }
    }

    pub fn row(&self) -> u64 {
        if self.phase == Phase::Closed { self.row } else { 0 }
    }

    pub fn probes(&self) -> Option<(u64, u64, u64)> {
        match self.phase {
            Phase::HalfOpen { in_flight, cooling, succeeded, failed, .. } => {
                Some((in_flight - cooling, succeeded, failed))
            }
            _ => None,
        }
    }

    pub fn reopenings(&self) -> u64 {
        match self.phase {
            Phase::Open { lasts_openings: openings, .. } | Phase::HalfOpen { openings, .. } => openings,
            _ => 0,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// How long it is in its state; unknown of a half-open one, whose probes begin one after the other.
    pub fn age(&self) -> Option<u64> {
        (!matches!(self.phase, Phase::HalfOpen { .. })).then_some(self.now - self.since)
    }

    pub fn last_error(&self) -> Option<(&'static str, u64)> {
        self.last_error
    }

    pub fn latency(&self) -> Option<[(u64, u64); 2]> {
        self.latency
    }

    /// When the next call is a probe.
    pub fn probe_due(&self) -> Option<u64> {
        let Phase::Open { lasts_openings, own } = self.phase else { return None };
        let most = millis(self.config.resolve().max_open_for);
        Some(self.since + own.map_or_else(|| self.lasts(lasts_openings), |own| own.min(most)))
    }

    /// As long as an opening may last that is not as the settings say.
    fn own_time(&self, time: u64) -> u64 {
        time.max(1).min(millis(self.config.resolve().max_open_for))
    }

    fn lasts(&self, openings: u64) -> u64 {
        let settings = self.config.resolve();
        let longer = millis(settings.open_for) as f64 * settings.open_backoff.powi(openings as i32);
        longer.min(millis(settings.max_open_for) as f64).ceil() as u64
    }

    pub fn window(&self) -> WindowCounts {
        match self.phase {
            Phase::Closed => {}
            Phase::Disabled => return WindowCounts::default(),
            _ => return self.frozen,
        }
        let window = self.config.resolve().window;
        let count = |sequence: usize, what: fn(&Recorded) -> bool| {
            let among = self.sequence(sequence).map(|(_, recorded)| recorded);
            let in_window: Vec<_> = match window {
                Window::Time(length) => {
                    let reach = reach(millis(length), self.now);
                    among.filter(|recorded| recorded.mark >= reach).collect()
                }
                Window::Count(calls) => among.take(calls as usize).collect(),
                _ => among.collect(),
            };
            in_window.into_iter().filter(|recorded| what(recorded)).count() as u64
        };
        let calls = count(0, |_| true);
        let failures = count(0, |recorded| recorded.kind == Kind::Failed);
        let mut counts = WindowCounts::new(calls, failures, 0);
        counts.slow = count(1, |recorded| recorded.slow);
        counts.slow_of = count(1, |_| true);
        counts.abandoned = count(2, |recorded| recorded.kind == Kind::Abandoned);
        counts
    }

    /// The newest first, each with its index.
    fn sequence(&self, sequence: usize) -> impl Iterator<Item = (usize, &Recorded)> {
        let is_in = [Recorded::is_call, Recorded::is_in_slow_share, Recorded::is_call_or_abandoned][sequence];
        let from = self.from[sequence];
        self.recorded.iter().enumerate().skip(from).rev().filter(move |(_, recorded)| is_in(recorded))
    }

    fn forget_all(&mut self) {
        self.recorded.clear();
        self.from = [0; 3];
    }

    fn enter(&mut self, phase: Phase, monitored: bool, at: u64, reason: Option<OpenReason>) {
        let was = (self.decided(), self.monitored);
        if reason.is_some() {
            self.frozen = self.window();
        }
        if reason.is_some() {
            self.reason = reason;
        }
        self.since = at.max(self.since);
        self.phase = phase;
        self.monitored = monitored;
        self.generation += 1;
        if phase == Phase::Closed {
            self.forget_all();
            self.row = 0;
        }
        self.tell(was, reason, at);
    }

    /// It has opened, if it has, because of what a call said; or of what the last failure said, where one of many calls was the last drop.
    fn because(&mut self, cause: Option<&'static str>) {
        let Some(Told::Moved(Moved { reason: Some(reason), cause: told, .. })) = self.told.last_mut() else { return };
        let is_of_many = matches!(
            reason,
            OpenReason::FailureRate { .. } | OpenReason::TripIf { .. } | OpenReason::ProbesFailed { .. }
        );
        let last = self.last_error.filter(|_| is_of_many).map(|(said, _)| said);
        *told = cause.or(last).map(str::to_owned);
    }

    fn tell(&mut self, (from, from_monitored): (State, bool), reason: Option<OpenReason>, at: u64) {
        if (from, from_monitored) == (self.decided(), self.monitored) {
            return;
        }
        let monitored = from_monitored && self.monitored;
        let shown = |state, was_monitored: bool| if was_monitored && !monitored { State::Monitoring } else { state };
        let (from, to) = (shown(from, from_monitored), shown(self.decided(), self.monitored));
        // What is dated back is told no earlier than what was told before it.
        self.latest = self.latest.max(at);
        self.told.push(Told::Moved(Moved { from, to, reason, cause: None, monitored, at: self.latest, dated: at }));
    }

    fn tell_ended(&mut self, ended: Ended, cause: Option<&'static str>) {
        self.told.push(Told::Ended { ended, cause: cause.map(str::to_owned) });
    }

    /// Half-open: what time or a changed rule has made due.
    fn follow_due(&mut self) -> bool {
        let Phase::HalfOpen { began, in_flight, succeeded, failed, openings, .. } = self.phase else { return false };
        let settings = self.config.resolve();
        let reopened = Phase::Open { lasts_openings: (openings + 1).min(127), own: None };
        let deadline = began + millis(settings.half_open_timeout);
        if succeeded >= u64::from(settings.half_open_successes) {
            self.enter(Phase::Closed, self.monitored, self.now, None);
        } else if failed + u64::from(settings.half_open_successes) > u64::from(settings.half_open_calls) {
            let reason = OpenReason::ProbesFailed { failures: failed };
            self.enter(reopened, self.monitored, self.now, Some(reason));
        } else if (in_flight > 0 || succeeded + failed == 0) && self.now >= deadline {
            self.enter(reopened, self.monitored, deadline, Some(OpenReason::ProbeTimedOut));
        } else {
            return false;
        }
        true
    }

    /// A permit, or the rejection's reason and wait.
    pub fn acquire(&mut self) -> Result<Permit, (OpenReason, Option<u64>)> {
        let settings = self.config.resolve();
        while self.follow_due() {}
        let admitted = match self.phase {
            Phase::Closed => Admitted::Closed { generation: self.generation },
            Phase::Disabled => Admitted::Uncounted,
            Phase::Forced => return self.reject(OpenReason::Forced, None),
            Phase::Open { lasts_openings, .. } => {
                let due = self.probe_due().unwrap();
                if self.now < due {
                    return self.reject(self.reason.unwrap(), Some(due - self.now));
                }
                let half_open = Phase::HalfOpen {
                    began: self.now,
                    in_flight: 1,
                    succeeded: 0,
                    failed: 0,
                    openings: lasts_openings,
                    cooling: 0,
                    free_at: 0,
                };
                self.enter(half_open, self.monitored, self.now, None);
                Admitted::Probe { generation: self.generation }
            }
            Phase::HalfOpen { began, mut in_flight, succeeded, failed, openings, mut cooling, mut free_at } => {
                let full = |in_flight| in_flight + succeeded + failed >= u64::from(settings.half_open_calls);
                if full(in_flight) && cooling > 0 && self.now >= free_at {
                    (in_flight, cooling, free_at) = (in_flight - cooling, 0, 0);
                }
                if full(in_flight) {
                    return self.reject_half_open(began, openings);
                }
                let began = if in_flight == 0 && succeeded + failed > 0 { self.now } else { began };
                in_flight += 1;
                self.phase = Phase::HalfOpen { began, in_flight, succeeded, failed, openings, cooling, free_at };
                Admitted::Probe { generation: self.generation }
            }
        };
        if admitted != Admitted::Uncounted {
            self.totals.admitted += 1;
        }
        let is_timed = settings.slow_call.is_some() || settings.latency || matches!(admitted, Admitted::Probe { .. });
        Ok(Permit::new(admitted, is_timed.then_some(self.now), self.now))
    }

    fn reject_half_open(&mut self, began: u64, openings: u64) -> Result<Permit, (OpenReason, Option<u64>)> {
        let deadline = began + millis(self.config.resolve().half_open_timeout);
        let lasts = self.lasts(openings);
        let again = lasts - (self.now - began) % lasts;
        self.reject(self.reason.unwrap(), Some(again.min(deadline - self.now)))
    }

    /// A call in the body of another one, which is part of it if that is a probe: it takes no permit, and once one has failed there is no other.
    pub fn call_in(&mut self, outer: &mut Permit, end: End) -> Result<(), (OpenReason, Option<u64>)> {
        while self.follow_due() {}
        let generation = self.generation;
        let nested = match self.phase {
            Phase::HalfOpen { began, openings, .. } if outer.admitted == (Admitted::Probe { generation }) => {
                match outer.nested_failed {
                    true => self.reject_half_open(began, openings)?,
                    false => {
                        self.totals.admitted += 1;
                        self.totals.panicked += u64::from(end == End::Panicked);
                        let is_cancelled = end == End::Cancelled;
                        outer.nested_failed = matches!(end, End::Failure(_) | End::Abandoned | End::Panicked);
                        self.totals.ignored += u64::from(!is_cancelled);
                        self.totals.cancelled += u64::from(is_cancelled);
                        self.tell_ended(if is_cancelled { Ended::Cancelled } else { Ended::Ignored }, None);
                        return Ok(());
                    }
                }
            }
            _ => self.acquire()?,
        };
        self.finish(nested, end.into());
        Ok(())
    }

    fn reject(&mut self, reason: OpenReason, wait: Option<u64>) -> Result<Permit, (OpenReason, Option<u64>)> {
        if self.monitored || self.phase != Phase::Forced && !self.enforces() {
            self.totals.would_reject += 1;
            self.totals.admitted += 1;
            return Ok(Permit::new(Admitted::Unjudged, None, self.now));
        }
        self.totals.rejected += 1;
        Err((reason, wait))
    }

    /// The whole calls that the share comes to grow with this one.
    fn enforces(&mut self) -> bool {
        let enforced = |asked: u64| asked * u64::from(self.share) / 100;
        self.asked += u64::from(self.share < 100);
        self.share == 100 || enforced(self.asked) > enforced(self.asked - 1)
    }

    pub fn enforced_percent(&self) -> u8 {
        match self.phase {
            Phase::Disabled => 0,
            Phase::Forced => 100,
            _ if self.monitored => 0,
            _ => self.share,
        }
    }

    pub fn finish(&mut self, permit: Permit, Verdict { end, opens }: Verdict) {
        if permit.admitted == Admitted::Uncounted {
            return;
        }
        self.totals.panicked += u64::from(end == End::Panicked);
        let settings = self.config.resolve();
        let waited = permit.waits_since.map(|since| self.now - since);
        let is_abandoned = waited.zip(settings.abandoned_after).is_some_and(|(waited, limit)| waited >= millis(limit));
        let says_nothing = end == End::Ignored || end == End::Cancelled && waited.is_none();
        let took = permit.took.or(permit.began.map(|began| self.now - began)).filter(|_| !says_nothing);
        let too_long = took.zip(settings.slow_call).filter(|(took, limit)| *took > millis(*limit));
        if let Some((took, limit)) = too_long {
            self.told.push(Told::Slow { took: Duration::from_millis(took), limit });
        }
        let slow = too_long.is_some();
        let (kind, ended, cause) = match end {
            End::Success => (Some(Kind::Succeeded), Ended::Succeeded, None),
            End::Failure(says) => (Some(Kind::Failed), Ended::Failed, says),
            End::Panicked => (Some(Kind::Failed), Ended::Failed, Some("a panic")),
            End::Abandoned => (Some(Kind::Abandoned), Ended::Abandoned, Some(GAVE_UP)),
            End::Cancelled if is_abandoned => (Some(Kind::Abandoned), Ended::Abandoned, Some(GAVE_UP)),
            End::Cancelled if slow => (Some(Kind::Dropped), Ended::Cancelled, None),
            End::Cancelled => (None, Ended::Cancelled, None),
            End::Ignored => (None, Ended::Ignored, None),
        };
        let opens = opens.map(|time| self.own_time(time));
        match permit.admitted {
            Admitted::Closed { generation } if self.phase == Phase::Closed && generation == self.generation => {
                self.tell_ended(ended, cause);
                self.count(kind, ended, slow, took);
                if let Some(kind) = kind {
                    self.record(kind, slow);
                }
                let verdict = opens.map(|time| OpenReason::Verdict { open_for: Duration::from_millis(time) });
                let reason = verdict.or_else(|| self.judge(kind?));
                let is_due = opens.is_none() && self.now >= self.error_due;
                if let Some(said) = cause.filter(|_| is_due || reason.is_some()) {
                    self.keep_error(said, true);
                }
                if let Some(reason) = reason {
                    self.enter(Phase::Open { lasts_openings: 0, own: opens }, self.monitored, self.now, Some(reason));
                    self.because(cause);
                }
            }
            Admitted::Probe { generation } if kind.is_some() || opens.is_some() => {
                if let Some(said) = cause {
                    self.keep_error(said, generation == self.generation);
                }
                let succeeded = kind == Some(Kind::Succeeded) && !slow;
                match self.answer(generation, succeeded, (ended, cause), opens) {
                    true => self.count(kind, ended, slow, took),
                    false => self.end_late(kind, ended),
                }
            }
            Admitted::Probe { generation } => {
                self.end_late(None, ended);
                if end == End::Ignored || !self.cool(generation, permit.entered) {
                    self.give_back(generation, None);
                }
            }
            _ => self.end_late(kind, ended),
        }
    }

    /// An item of a stream has come, which says so; nothing, where that decides.
    pub fn item(&mut self, mut permit: Permit, verdict: Verdict) -> Option<Permit> {
        permit.asked(self.now);
        permit.item_waits_since = None;
        let is_probe = matches!(permit.admitted, Admitted::Probe { .. });
        match verdict.end {
            End::Success if verdict.opens.is_none() && !is_probe => {
                permit.took = permit.took.or(permit.began.map(|began| self.now - began));
                permit.streamed = Some(Streamed::Item);
            }
            End::Ignored if verdict.opens.is_none() => {
                permit.streamed = permit.streamed.map(|before| before.max(Streamed::Ignored));
            }
            _ => {
                self.finish(permit, verdict);
                return None;
            }
        }
        Some(permit)
    }

    /// The reader of a stream waits for the next item; whether it has done so for too long.
    pub fn waits_for_item(&self, permit: &mut Permit, between: u64) -> bool {
        permit.asked(self.now);
        permit.waits(self.now);
        self.now >= *permit.item_waits_since.get_or_insert(self.now) + between
    }

    /// A stream has come to its end.
    pub fn ended(&mut self, mut permit: Permit) {
        permit.asked(self.now);
        let end = if permit.streamed == Some(Streamed::Ignored) { End::Ignored } else { End::Success };
        self.finish(permit, end.into());
    }

    /// The reader of a stream has left.
    pub fn left(&mut self, permit: Permit) {
        let end = match permit.streamed {
            Some(Streamed::Item) => End::Success,
            Some(Streamed::Ignored) => End::Ignored,
            Some(Streamed::Nothing) | None => End::Cancelled,
        };
        self.finish(permit, end.into());
    }

    fn count(&mut self, kind: Option<Kind>, ended: Ended, slow: bool, took: Option<u64>) {
        self.totals.successes += u64::from(ended == Ended::Succeeded);
        self.totals.failures += u64::from(ended == Ended::Failed);
        self.totals.abandoned += u64::from(ended == Ended::Abandoned);
        self.totals.cancelled += u64::from(ended == Ended::Cancelled);
        self.totals.ignored += u64::from(ended == Ended::Ignored);
        self.totals.slow += u64::from(slow);
        let outcome = [Kind::Succeeded, Kind::Failed].iter().position(|of| kind == Some(*of));
        if let (true, Some(outcome), Some(took), Some(latency)) =
            (self.config.resolve().latency, outcome, took, &mut self.latency)
        {
            latency[outcome].0 += 1;
            latency[outcome].1 += took;
        }
    }

    /// It decides nothing: too late, or nobody's business.
    fn end_late(&mut self, kind: Option<Kind>, ended: Ended) {
        match kind {
            None => {
                self.tell_ended(ended, None);
                self.count(None, ended, false, None);
            }
            Some(_) => {
                self.tell_ended(Ended::Stale, None);
                self.totals.stale += 1;
            }
        }
    }

    fn keep_error(&mut self, said: &'static str, is_in_time: bool) {
        self.error_due = self.now + 100;
        if is_in_time {
            self.last_error = Some((said, self.now));
        }
    }

    /// Whether the permit of a cancelled probe is not free yet.
    fn cool(&mut self, of: u64, entered: u64) -> bool {
        let cools_for = self.config.resolve().abandoned_after.map_or(1000, millis);
        let (free, generation, now) = (entered + cools_for, self.generation, self.now);
        let Phase::HalfOpen { cooling, free_at, .. } = &mut self.phase else { return false };
        let cools = of == generation && now < free;
        if cools {
            *cooling += 1;
            *free_at = free.max(*free_at);
        }
        cools
    }

    fn record(&mut self, kind: Kind, slow: bool) {
        let settings = self.config.resolve();
        let start = match settings.window {
            Window::Time(length) => bucket_start(millis(length), self.now),
            _ => 0,
        };
        // Of a window that was made longer the newest mark stands for the bucket.
        let mark = self.recorded.last().map_or(start, |last| last.mark.max(start));
        self.recorded.push(Recorded { mark, kind, slow, was_slow: slow });
        let lengthens = matches!(kind, Kind::Failed | Kind::Abandoned);
        if lengthens {
            self.row += 1;
            if self.row == 1 {
                self.row_began = self.now;
            }
        } else if kind == Kind::Succeeded {
            self.row = 0;
        }
    }

    /// Whether it opens after such a call.
    fn judge(&self, kind: Kind) -> Option<OpenReason> {
        let settings = self.config.resolve();
        let lengthens = matches!(kind, Kind::Failed | Kind::Abandoned);
        // By default, failures of one moment are one event.
        let is_old = !settings.consecutive_failures_by_default || self.now >= self.row_began + 100;

        let counts = self.window();
        let WindowCounts { calls, failures, slow, slow_of, .. } = counts;
        let minimum = u64::from(settings.minimum_calls);
        let reaches = |part: u64, of: u64, percent: f64| {
            // In whole millionths of a percent: the rates of these tests have no more decimals.
            let reached = u128::from(part) * 100_000_000 >= (percent * 1e6).round() as u128 * u128::from(of);
            settings.window != Window::None && of >= minimum && part > 0 && reached
        };
        let is_too_long = |limit: u32| lengthens && is_old && self.row >= u64::from(limit);
        if reaches(failures, calls, settings.failure_rate) {
            Some(OpenReason::FailureRate { failures, calls })
        } else if settings.slow_call.is_some() && reaches(slow, slow_of, settings.slow_call_rate) {
            Some(OpenReason::SlowCallRate { slow, calls: slow_of })
        } else if settings.consecutive_failures.is_some_and(is_too_long) {
            Some(OpenReason::ConsecutiveFailures { failures: self.row })
        } else {
            let trips = self.trip_if.is_some_and(|trip_if| trip_if(&counts));
            trips.then_some(OpenReason::TripIf { failures, calls })
        }
    }

    /// Whether a probe's end came in time.
    fn answer(
        &mut self,
        of: u64,
        succeeded: bool,
        (ended, cause): (Ended, Option<&'static str>),
        opens: Option<u64>,
    ) -> bool {
        while of == self.generation && self.follow_due() {}
        let Phase::HalfOpen { openings, .. } = self.phase else { return false };
        if of != self.generation {
            return false;
        }
        self.tell_ended(ended, cause);
        if let Some(time) = opens {
            let reason = OpenReason::Verdict { open_for: Duration::from_millis(time) };
            let reopened = Phase::Open { lasts_openings: (openings + 1).min(127), own: opens };
            self.enter(reopened, self.monitored, self.now, Some(reason));
        } else {
            self.give_back(of, Some(succeeded));
        }
        self.because(cause);
        true
    }

    /// A probe is under way no longer.
    fn give_back(&mut self, of: u64, answered: Option<bool>) {
        while of == self.generation && self.follow_due() {}
        let Phase::HalfOpen { in_flight, succeeded, failed, .. } = &mut self.phase else { return };
        if of != self.generation {
            return;
        }
        *in_flight -= 1;
        *succeeded += u64::from(answered == Some(true));
        *failed += u64::from(answered == Some(false));
        self.follow_due();
    }

    /// Whatever is done to it is told, also where it changes nothing.
    fn acted(&mut self) {
        self.latest = self.latest.max(self.now);
    }

    pub fn force_open_for(&mut self, time: u64) {
        self.acted();
        if self.phase == Phase::Forced {
            return;
        }
        self.set_share(100);
        let time = self.own_time(time);
        if self.probe_due().is_some_and(|due| due >= self.now + time) {
            self.change_monitored(false);
        } else {
            let open = Phase::Open { lasts_openings: self.reopenings(), own: Some(time) };
            let reason = OpenReason::ForcedFor { open_for: Duration::from_millis(time) };
            self.enter(open, false, self.now, Some(reason));
        }
    }

    pub fn force_open(&mut self) {
        self.acted();
        if self.phase != Phase::Forced {
            self.enter(Phase::Forced, false, self.now, Some(OpenReason::Forced));
        }
    }

    pub fn disable(&mut self) {
        self.acted();
        if self.phase != Phase::Disabled {
            self.enter(Phase::Disabled, false, self.now, None);
        }
    }

    pub fn enforce_share(&mut self, percent: u8) {
        self.set_enforcement(percent == 0, if percent == 0 { 100 } else { percent });
    }

    pub fn set_monitored(&mut self, monitored: bool) {
        self.set_enforcement(monitored, 100);
    }

    fn set_enforcement(&mut self, monitored: bool, share: u8) {
        self.acted();
        self.set_share(share);
        if matches!(self.phase, Phase::Forced | Phase::Disabled) {
            self.enter(Phase::Closed, monitored, self.now, None);
        } else {
            self.change_monitored(monitored);
        }
    }

    /// No new generation: what is known stays.
    fn change_monitored(&mut self, monitored: bool) {
        let was = (self.decided(), self.monitored);
        self.monitored = monitored;
        self.tell(was, None, self.now);
    }

    fn set_share(&mut self, share: u8) {
        if self.share != share {
            (self.share, self.asked) = (share, 0);
        }
    }

    pub fn reset(&mut self) {
        self.acted();
        self.set_share(100);
        let was = (self.decided(), self.monitored);
        self.since = self.now.max(self.since);
        self.start();
        self.generation += 1;
        self.forget_all();
        self.row = 0;
        self.tell(was, None, self.now);
    }

    pub fn reconfigure(&mut self, config: CircuitBreakerConfig) {
        let (first, latest) = (self.told.len(), self.latest);
        self.put(config);
        if self.told.len() == first {
            return self.acted();
        }
        // What follows from it is told as one: what comes first no later than what comes after it, and nothing earlier than what was told before.
        let mut at = u64::MAX;
        for moved in self.told[first..].iter_mut().rev().filter_map(Told::moved) {
            at = moved.dated.min(at);
            moved.at = at;
        }
        self.latest = latest;
        for moved in self.told[first..].iter_mut().filter_map(Told::moved) {
            self.latest = self.latest.max(moved.at);
            moved.at = self.latest;
        }
    }

    /// Another key gets it, for which everything holds that was done to `all` of them. So many calls are under way.
    pub fn begin_anew(&mut self, all: &Self, under_way: u64) {
        self.generation += 1;
        self.since = self.now.max(self.since);
        self.forget_all();
        self.row = 0;
        self.totals = Totals { admitted: under_way, ..Totals::default() };
        (self.last_error, self.error_due) = (None, 0);
        let is_forced_for = matches!(all.reason, Some(OpenReason::ForcedFor { .. }));
        if let Some(due) = all.probe_due().filter(|due| is_forced_for && *due > self.now) {
            self.force_open_for(due - self.now);
        }
        self.set_enforcement(all.monitored, all.share);
    }

    /// Whether saving it says anything.
    pub fn is_saved(&self) -> bool {
        match self.phase {
            Phase::Closed => self.monitored_by_hand().is_some() || self.share != 100,
            Phase::Disabled => self.config.resolve().mode.monitors().is_some(),
            Phase::Open { .. } | Phase::HalfOpen { .. } | Phase::Forced => true,
        }
    }

    fn monitored_by_hand(&self) -> Option<bool> {
        let is_as_configured = self.config.resolve().mode.monitors() == Some(self.monitored);
        let is_enforced = !matches!(self.phase, Phase::Forced | Phase::Disabled);
        (is_enforced && !is_as_configured).then_some(self.monitored)
    }

    /// The same in another process, which was away for so long.
    pub fn restarted(&self, config: CircuitBreakerConfig, away: u64) -> Self {
        let mut next = Self::new(config, self.trip_if, self.now);
        let (settings, by_hand) = (config.resolve(), self.monitored_by_hand());
        let is_off = settings.mode.monitors().is_none() && by_hand.is_none() && self.phase != Phase::Forced;
        if !self.is_saved() || is_off {
            return next;
        }
        let monitored = by_hand.or(settings.mode.monitors()).unwrap_or(false);
        let away = away.min(millis(settings.max_open_for));
        let (phase, age, reason) = match self.phase {
            Phase::Open { .. } => (self.phase, self.now - self.since + away, self.reason),
            // Nobody waits for its probes any more.
            Phase::HalfOpen { openings, .. } => {
                (Phase::Open { lasts_openings: openings, own: None }, next.lasts(openings), self.reason)
            }
            Phase::Forced => (Phase::Forced, 0, Some(OpenReason::Forced)),
            Phase::Closed | Phase::Disabled => (self.phase, 0, None),
        };
        let monitored = monitored && !matches!(phase, Phase::Forced | Phase::Disabled);
        if (phase, monitored) != (next.phase, next.monitored) {
            next.enter(phase, monitored, self.now, reason);
            next.since = self.now - age;
        }
        next.set_share(self.share);
        next
    }

    fn put(&mut self, config: CircuitBreakerConfig) {
        let (old, new) = (self.config.resolve(), config.resolve());
        self.config = config;
        match (old.window, new.window) {
            (Window::Time(length), Window::Time(longer)) => {
                if length != longer {
                    let reach = reach(millis(length), self.now);
                    self.recorded.retain(|recorded| recorded.mark >= reach);
                }
            }
            (Window::Count(calls), Window::Count(_)) => {
                for sequence in 0..3 {
                    let oldest = self.sequence(sequence).nth(calls as usize - 1).map(|(at, _)| at);
                    self.from[sequence] = oldest.unwrap_or(self.from[sequence]);
                }
            }
            (Window::None, Window::None) => {}
            _ => self.forget_all(),
        }
        if matches!(new.window, Window::Count(_)) && new.slow_call.is_none() {
            self.recorded.iter_mut().for_each(|recorded| recorded.slow = false);
        }
        if new.latency {
            self.latency.get_or_insert_default();
        }
        if old.mode != new.mode {
            match new.mode.monitors() {
                Some(monitored) => self.set_monitored(monitored),
                None => self.disable(),
            }
        }
        self.follow_due();
    }
}
