//! What is done to a breaker by hand, to it and to those of its keys.

use super::breaker::CircuitBreaker;
use super::clock::{Clock, Present};
use super::enforcement::WHOLE;
use super::settings::span;
use super::state::{Phase, Word};
use crate::error::OpenReason;
use crate::event::{Act, Event, Steering, Topic, Turn};
use crate::kind::Kind;
use crate::policy::Policy;
use crate::time::{self, Timestamp};
use resilience_config::{CircuitBreakerConfig, CircuitBreakerSettings, ConfigError};
use std::sync::Arc;
use std::time::Duration;

impl CircuitBreaker {
    /// Rejects every call until told otherwise. Forcing again restarts nothing.
    pub fn force_open(&self) {
        self.act(Act::ForceOpen, None);
    }

    /// Rejects every call for that time, and then lets probes in as after any opening. It opens for no longer than `max_open_for`, and for what is given here whatever
    /// `open_backoff` and `open_jitter` are. An opening that lasts longer anyway is not shortened, and a breaker that is forced open until told otherwise stays so. One that was monitoring, disabled or
    /// enforcing a [share](crate::Steer::enforce_share) enforces from then on.
    pub fn force_open_for(&self, time: Duration) {
        self.act(Act::ForceOpenFor(time), None);
    }

    /// Lets every call pass and counts nothing until told otherwise.
    pub fn disable(&self) {
        self.act(Act::Disable, None);
    }

    /// Decides, records and emits from now on, and rejects nothing. What is known stays: an open breaker goes on being open, and
    /// lets calls pass. One that was forced open or disabled closes.
    pub fn monitor(&self) {
        self.act(Act::Monitor, None);
    }

    /// Takes back [`force_open`](Self::force_open), [`disable`](Self::disable), [`monitor`](Self::monitor) or a [share](crate::Steer::enforce_share): decides and
    /// rejects from now on. A breaker that was monitoring enforces what it has decided; one that was forced open or disabled closes.
    pub fn enforce(&self) {
        self.act(Act::Enforce, None);
    }

    /// Empties the window and begins anew, whatever the state: closed, or as `mode` says. Totals stay.
    pub fn reset(&self) {
        self.act(Act::Reset, None);
    }

    /// Its last events, as [`Registry::recent_events`](crate::Registry::recent_events) gives them; empty of a breaker that is in no registry.
    /// Of a key's breaker they are those that are about the key, one by one.
    pub fn recent_events(&self) -> Vec<Event> {
        let mut events = self.emitter.recent(Kind::CircuitBreaker, &self.name, || self.runs());
        if self.of_keys.is_of_an_instance() {
            let key = self.key();
            events.retain(|event| event.key() == key.as_ref());
        }
        events
    }

    pub(crate) fn act(&self, act: Act, by: Option<Steering>) {
        let mut turn = self.emitter.turn();
        let at = Timestamp::now();
        let (kind, name, key) = (Kind::CircuitBreaker, self.name(), self.key());
        let event = |order| Event::Steered { kind, name, key, act, by, at, order };
        turn.push(Topic::Steered, self.generation(), event);
        self.act_in(&mut turn, act);
        self.end(turn);
    }

    /// It and the breakers of its keys: none gets another one meanwhile, and none gets a key.
    fn act_in(&self, turn: &mut Turn<'_>, act: Act) {
        self.act_alone(turn, act);
        self.of_keys.instances_now().iter().for_each(|slot| slot.act_alone(turn, act));
    }

    pub(super) fn act_alone(&self, turn: &mut Turn<'_>, act: Act) {
        match act {
            Act::ForceOpen => self.command(turn, &|word, now| match word.phase() {
                Phase::Forced => word,
                _ => Word::forced(word.entering(now)),
            }),
            Act::ForceOpenFor(time) => self.force_open_for_alone(turn, self.open_time(time)),
            Act::Disable => self.command(turn, &|word, now| match word.phase() {
                Phase::Disabled => word,
                _ => Word::disabled(word.entering(now)),
            }),
            Act::Monitor | Act::EnforceShare(0) => self.set_enforcement(turn, true, WHOLE),
            Act::Enforce => self.set_enforcement(turn, false, WHOLE),
            Act::EnforceShare(percent) => self.set_enforcement(turn, false, percent.min(WHOLE)),
            Act::Reset => {
                self.enforcement.set_share(WHOLE);
                self.command(turn, &|word, now| Word::initial(self.enforcement.mode(), word.entering(now)));
            }
        }
    }

    fn force_open_for_alone(&self, turn: &mut Turn<'_>, time: Duration) {
        loop {
            let (from, now) = (self.word.load(), Present.precise_millis_up());
            if from.phase() == Phase::Forced {
                return;
            }
            self.enforcement.set_share(WHOLE);
            if from.phase() == Phase::Open && self.probe_due_in(from, now) >= time::millis_up(time) {
                return self.command(turn, &|word, _| word.with_monitored(false));
            }
            let to = self.opened(from.entering(now), from.openings(), false, Some(time));
            if self.enter(turn, from, to, now, Some(OpenReason::ForcedFor { open_for: time })) {
                return;
            }
        }
    }

    /// Percent of the calls that it decides to reject that it rejects, unless it is forced open or only monitors.
    pub(crate) fn share(&self) -> u8 {
        self.enforcement.share()
    }

    fn set_enforcement(&self, turn: &mut Turn<'_>, monitored: bool, share: u8) {
        self.enforcement.set_share(share);
        self.command(turn, &|word, now| word.with_enforcement(monitored, now));
    }

    /// Puts another configuration in force at once, with calls in flight and keeping what is known: the state, the window's newest outcomes, the
    /// totals. A count window that becomes a time window, or the other way round, starts empty.
    ///
    /// `mode` is followed where it differs from the one configured before; otherwise what was done by hand stays.
    /// `trip_if` stays as it is.
    ///
    /// # Errors
    ///
    /// The configuration's first mistake; nothing has changed then.
    pub fn reconfigure(&self, config: CircuitBreakerConfig) -> Result<(), ConfigError> {
        self.reconfigure_by(config, None)
    }

    pub(super) fn put(&self, turn: &mut Turn<'_>, settings: &Arc<CircuitBreakerSettings>) {
        self.put_alone(turn, settings, self);
        self.of_keys.put_all(|of_key| of_key.put_alone(turn, settings, self));
    }

    /// Whether it could be put in force here.
    pub(crate) fn checked(&self, config: CircuitBreakerConfig) -> Result<CircuitBreakerConfig, ConfigError> {
        let config = config.has_trip_if(self.trip_if.is_some());
        config.validate().map(|()| config)
    }

    /// In this one, which is the instance of a key, or `all` of them itself.
    pub(super) fn put_alone(&self, turn: &mut Turn<'_>, settings: &Arc<CircuitBreakerSettings>, all: &Self) {
        let now = time::precise_millis();
        if settings.latency {
            // Before a call is told to count in it.
            self.times.begin(&all.times);
        }
        let before = self.settings.replace(Arc::clone(settings), |settings| {
            self.window.resize(span(settings), settings.slow_call.is_some(), now);
            // The next outcome is judged by the new rules, whatever it is.
            self.window.arm();
            self.enforcement.set_mode(settings.mode)
        });
        if before != settings.mode {
            let act = match settings.mode.monitors() {
                Some(false) => Act::Enforce,
                Some(true) => Act::Monitor,
                None => Act::Disable,
            };
            self.act_alone(turn, act);
        }
        let word = self.word.load();
        if word.phase() == Phase::HalfOpen {
            // Under the new rule the probes so far may be enough.
            self.enter_due(turn, word, word.due(now, &self.settings.half_open_rule()), now);
        }
    }

    /// Not by hand: what is told is the transition alone.
    pub(super) fn force_open_quietly(&self, turn: &mut Turn<'_>) {
        self.act_in(turn, Act::ForceOpen);
    }

    /// Where it is forced open: closed again, or as `mode` says.
    pub(super) fn take_back_force_open(&self, turn: &mut Turn<'_>) {
        self.take_back_force_open_alone(turn);
        self.of_keys.instances_now().iter().for_each(|slot| slot.take_back_force_open_alone(turn));
    }

    fn take_back_force_open_alone(&self, turn: &mut Turn<'_>) {
        self.command(turn, &|word, now| match word.phase() {
            Phase::Forced => Word::initial(self.enforcement.mode(), word.entering(now)),
            _ => word,
        });
    }

    /// Enters that state, unless it is in it.
    fn command(&self, turn: &mut Turn<'_>, next: &dyn Fn(Word, u64) -> Word) {
        loop {
            let (from, now) = (self.word.load(), time::precise_millis());
            let to = next(from, now);
            let reason = (to.phase() == Phase::Forced).then_some(OpenReason::Forced);
            if to == from || self.enter(turn, from, to, now, reason) {
                return;
            }
        }
    }

    /// Everything that was done to the family holds for a breaker that a key gets now.
    pub(super) fn follow_all(&self, turn: &mut Turn<'_>, family: &Self) {
        let word = family.word.load();
        if let Some(left) = family.forced_for(word) {
            self.act_alone(turn, Act::ForceOpenFor(left));
        }
        // Behind the opening, which enforces: whether it only monitors may have been said since.
        let act = match word.phase() {
            Phase::Forced => Act::ForceOpen,
            Phase::Disabled => Act::Disable,
            _ if word.monitored() => Act::Monitor,
            _ => Act::EnforceShare(family.enforcement.share()),
        };
        self.act_alone(turn, act);
    }

    /// How long it is open yet in the state of `word`, where somebody has said so by hand.
    fn forced_for(&self, word: Word) -> Option<Duration> {
        let is_forced =
            word.phase() == Phase::Open && matches!(self.reason_of(word).into(), OpenReason::ForcedFor { .. });
        let now = time::precise_millis();
        let left = if is_forced { self.probe_due_in(word, now) } else { 0 };
        (left > 0).then(|| Duration::from_millis(left))
    }
}
