//! A circuit breaker as one would write it down: every outcome in a list, one thread, no cleverness. What it says is right.

use resilience_runtime::{CircuitBreakerConfig, OpenReason, State, Window, WindowCounts};

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
}

impl Permit {
    pub fn waits(&mut self, now: u64) {
        self.waits_since.get_or_insert(now);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Closed,
    Open {
        lasts_openings: u64,
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
    Failure,
    Ignored,
    Cancelled,
    /// By hand.
    Abandoned,
    Panicked,
}

#[derive(Clone, Debug)]
pub struct Told {
    pub from: State,
    pub to: State,
    pub reason: Option<OpenReason>,
    pub monitored: bool,
    pub at: u64,
    /// When it happened, which may be dated back to before something that was told already.
    dated: u64,
}

impl Told {
    pub fn new(from: State, to: State, reason: Option<OpenReason>, monitored: bool, at: u64) -> Self {
        Self { from, to, reason, monitored, at, dated: at }
    }
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        let told = |told: &Self| (told.from, told.to, told.reason, told.monitored, told.at);
        told(self) == told(other)
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

fn millis(duration: std::time::Duration) -> u64 {
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
            totals: Totals::default(),
            told: Vec::new(),
            latest: 0,
            now,
        };
        this.start();
        this
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

    /// When the next call is a probe.
    pub fn probe_due(&self) -> Option<u64> {
        let Phase::Open { lasts_openings } = self.phase else { return None };
        Some(self.since + self.lasts(lasts_openings))
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

    fn tell(&mut self, (from, from_monitored): (State, bool), reason: Option<OpenReason>, at: u64) {
        if (from, from_monitored) == (self.decided(), self.monitored) {
            return;
        }
        let monitored = from_monitored && self.monitored;
        let shown = |state, was_monitored: bool| if was_monitored && !monitored { State::Monitoring } else { state };
        let (from, to) = (shown(from, from_monitored), shown(self.decided(), self.monitored));
        // What is dated back is told no earlier than what was told before it.
        self.latest = self.latest.max(at);
        self.told.push(Told { from, to, reason, monitored, at: self.latest, dated: at });
    }

    /// Half-open: what time or a changed rule has made due.
    fn follow_due(&mut self) -> bool {
        let Phase::HalfOpen { began, in_flight, succeeded, failed, openings, .. } = self.phase else { return false };
        let settings = self.config.resolve();
        let reopened = Phase::Open { lasts_openings: (openings + 1).min(127) };
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
            Phase::Open { lasts_openings } => {
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
                if in_flight + succeeded + failed >= u64::from(settings.half_open_calls) {
                    let deadline = began + millis(settings.half_open_timeout);
                    let lasts = self.lasts(openings);
                    let again = lasts - (self.now - began) % lasts;
                    return self.reject(self.reason.unwrap(), Some(again.min(deadline - self.now)));
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
        let is_probe = matches!(admitted, Admitted::Probe { .. });
        let began = (is_probe || settings.slow_call.is_some()).then_some(self.now);
        Ok(Permit { admitted, began, entered: self.now, waits_since: None })
    }

    fn reject(&mut self, reason: OpenReason, wait: Option<u64>) -> Result<Permit, (OpenReason, Option<u64>)> {
        if self.monitored || self.phase != Phase::Forced && !self.enforces() {
            self.totals.would_reject += 1;
            self.totals.admitted += 1;
            let admitted = Admitted::Unjudged;
            return Ok(Permit { admitted, began: None, entered: self.now, waits_since: None });
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

    pub fn finish(&mut self, permit: Permit, end: End) {
        if permit.admitted == Admitted::Uncounted {
            return;
        }
        if end == End::Panicked {
            self.totals.panicked += 1;
        }
        let settings = self.config.resolve();
        let slow_call = settings.slow_call.map(millis);
        let slow = slow_call.zip(permit.began).is_some_and(|(limit, began)| self.now - began > limit);
        let waited = permit.waits_since.map(|since| self.now - since);
        let is_abandoned = waited.zip(settings.abandoned_after).is_some_and(|(waited, limit)| waited >= millis(limit));
        let kind = match end {
            End::Success => Kind::Succeeded,
            End::Failure | End::Panicked => Kind::Failed,
            End::Abandoned => Kind::Abandoned,
            End::Cancelled if is_abandoned => Kind::Abandoned,
            End::Cancelled if slow && waited.is_some() => Kind::Dropped,
            End::Ignored | End::Cancelled => {
                if end == End::Ignored {
                    self.totals.ignored += 1;
                } else {
                    self.totals.cancelled += 1;
                }
                if let Admitted::Probe { generation } = permit.admitted
                    && !(end == End::Cancelled && self.cool(generation, permit.entered))
                {
                    self.answer(generation, None);
                }
                return;
            }
        };
        let counts = match permit.admitted {
            Admitted::Closed { generation } => self.phase == Phase::Closed && generation == self.generation,
            Admitted::Probe { generation } => self.answer(generation, Some(kind == Kind::Succeeded && !slow)),
            Admitted::Unjudged | Admitted::Uncounted => false,
        };
        if !counts {
            self.totals.stale += 1;
            return;
        }
        self.totals.successes += u64::from(kind == Kind::Succeeded);
        self.totals.failures += u64::from(kind == Kind::Failed);
        self.totals.abandoned += u64::from(kind == Kind::Abandoned);
        self.totals.cancelled += u64::from(kind == Kind::Dropped);
        self.totals.slow += u64::from(slow);
        if let Admitted::Closed { .. } = permit.admitted {
            self.record(kind, slow);
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
        let reason = if reaches(failures, calls, settings.failure_rate) {
            OpenReason::FailureRate { failures, calls }
        } else if settings.slow_call.is_some() && reaches(slow, slow_of, settings.slow_call_rate) {
            OpenReason::SlowCallRate { slow, calls: slow_of }
        } else if lengthens && is_old && settings.consecutive_failures.is_some_and(|limit| self.row >= u64::from(limit))
        {
            OpenReason::ConsecutiveFailures { failures: self.row }
        } else if self.trip_if.is_some_and(|trip_if| trip_if(&counts)) {
            OpenReason::TripIf { failures, calls }
        } else {
            return;
        };
        self.enter(Phase::Open { lasts_openings: 0 }, self.monitored, self.now, Some(reason));
    }

    /// Whether a probe's end came in time.
    fn answer(&mut self, of: u64, answered: Option<bool>) -> bool {
        while of == self.generation && self.follow_due() {}
        if of != self.generation {
            return false;
        }
        let Phase::HalfOpen { in_flight, succeeded, failed, .. } = &mut self.phase else { return false };
        *in_flight -= 1;
        match answered {
            Some(true) => *succeeded += 1,
            Some(false) => *failed += 1,
            None => {}
        }
        self.follow_due();
        true
    }

    pub fn force_open(&mut self) {
        if self.phase != Phase::Forced {
            self.enter(Phase::Forced, false, self.now, Some(OpenReason::Forced));
        }
    }

    pub fn disable(&mut self) {
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
        self.set_share(share);
        if matches!(self.phase, Phase::Forced | Phase::Disabled) {
            self.enter(Phase::Closed, monitored, self.now, None);
        } else if self.monitored != monitored {
            // No new generation: what is known stays.
            let was = (self.decided(), self.monitored);
            self.monitored = monitored;
            self.tell(was, None, self.now);
        }
    }

    fn set_share(&mut self, share: u8) {
        if self.share != share {
            (self.share, self.asked) = (share, 0);
        }
    }

    pub fn reset(&mut self) {
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
        // What follows from it is told as one: what comes first no later than what comes after it, and nothing earlier than what was told before.
        let told = &mut self.told[first..];
        let mut at = u64::MAX;
        for told in told.iter_mut().rev() {
            at = told.dated.min(at);
            told.at = at;
        }
        self.latest = latest;
        for told in told {
            self.latest = self.latest.max(told.at);
            told.at = self.latest;
        }
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
        if old.mode != new.mode {
            match new.mode.monitors() {
                Some(monitored) => self.set_monitored(monitored),
                None => self.disable(),
            }
        }
        self.follow_due();
    }
}
