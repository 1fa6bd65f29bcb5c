//! What a breaker knows that a restart must not forget, taken out and put into another process's.

use super::breaker::CircuitBreaker;
use super::enforcement::WHOLE;
use super::state::{Phase, Word};
use super::totals::Totals;
use crate::error::OpenReason;
use crate::event::Turn;
use crate::keyed::own;
use crate::name::{Instance, Key, PrintedKey};
use crate::time::precise_millis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One breaker, or the breaker of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saved {
    /// The breaker's; that of all keys where it has some.
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The parts of the key are escaped and joined in its text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_tuple: bool,
    phase: SavedPhase,
    /// Whether it only monitors, where somebody has said so by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    monitored: Option<bool>,
    /// Percent of what it would reject that it rejects, where somebody has said so by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<OpenReason>,
    /// For how long it has been so; asked of an open one.
    #[serde(default)]
    age_millis: u64,
    /// Openings in a row that followed a failed half-open.
    #[serde(default)]
    openings: u64,
    /// This opening's share of `open_jitter`.
    #[serde(default)]
    jitter: u64,
    /// How long this opening lasts, where that is not by the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own_millis: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedPhase {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
}

/// How long it is since a breaker was saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since {
    /// By the wall clock, which may have been set: held between 0 and `max_open_for`.
    pub(crate) wall_millis: u64,
    /// By this process's clock, since that was read.
    pub(crate) read_at_millis: u64,
}

/// Ages beyond it are as good as for ever: four years, half of what a word can tell apart.
const LONGEST_AGE: u64 = 1 << 37;

impl Saved {
    /// Which one it was.
    pub(crate) fn instance(&self) -> Instance {
        Instance::new(self.name.clone().into(), self.key.as_deref().map(|key| Key::new(key, self.is_tuple)))
    }

    pub(crate) fn is_forced_open(&self) -> bool {
        self.phase == SavedPhase::ForcedOpen
    }
}

impl CircuitBreaker {
    /// What there is to be said of this breaker and those of its keys, which is nothing of one that is closed and does what its configuration says.
    pub(crate) fn save(&self, into: &mut Vec<Saved>) {
        into.extend(self.save_alone(self.name.to_string(), None, WHOLE));
        let share = self.enforcement.share();
        for slot in self.of_keys() {
            let Some(key) = slot.key() else { continue };
            let saved = slot.save_alone(self.name.to_string(), Some(&key), share);
            // Given to another key meanwhile, it was closed.
            into.extend(saved.filter(|_| slot.key().as_ref() == Some(&key)));
        }
    }

    /// `expected` is the share that it enforces where nobody has said another.
    fn save_alone(&self, name: String, key: Option<&Key>, expected: u8) -> Option<Saved> {
        let (word, now, mode) = (self.word.load(), precise_millis(), self.enforcement.mode());
        let phase = match word.phase() {
            Phase::Closed => SavedPhase::Closed,
            Phase::Open => SavedPhase::Open,
            Phase::HalfOpen => SavedPhase::HalfOpen,
            Phase::Forced => SavedPhase::ForcedOpen,
            Phase::Disabled => SavedPhase::Disabled,
        };
        let by_hand = mode.monitors() != Some(word.monitored());
        let share = Some(self.enforcement.share()).filter(|share| *share != expected);
        let is_as_configured = match phase {
            SavedPhase::Closed => !by_hand && share.is_none(),
            SavedPhase::Disabled => mode.monitors().is_none(),
            SavedPhase::Open | SavedPhase::HalfOpen | SavedPhase::ForcedOpen => false,
        };
        if is_as_configured {
            return None;
        }
        let is_enforced = !matches!(phase, SavedPhase::ForcedOpen | SavedPhase::Disabled);
        let is_open = matches!(phase, SavedPhase::Open | SavedPhase::HalfOpen);
        Some(Saved {
            name,
            key: key.map(|key| key.as_str().to_owned()),
            is_tuple: key.is_some_and(Key::is_tuple),
            phase,
            monitored: (by_hand && is_enforced).then_some(word.monitored()),
            share,
            reason: is_open.then(|| self.reason_of(word).into()),
            age_millis: word.age(now),
            openings: word.openings(),
            jitter: if phase == SavedPhase::Open { word.jitter() } else { 0 },
            own_millis: if phase == SavedPhase::Open && word.has_own_time() { self.own_time_of(word) } else { None },
        })
    }

    /// Goes on where the saved one was, unless something has happened to this one already.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn resume(&self, turn: &mut Turn<'_>, saved: &Saved, since: Since) -> Result<(), &'static str> {
        let Some(key) = &saved.key else { return self.resume_alone(turn, saved, since) };
        let key = PrintedKey::of(key, saved.is_tuple);
        if key.found().is_none() {
            return Err("its key is too long");
        }
        match self.of_keys.give(turn, self, &key) {
            Some((breaker, true)) => breaker.resume_alone(turn, saved, since),
            Some((_, false)) => Err(CALLED),
            None => Err("there is no slot left for its key"),
        }
    }

    fn resume_alone(&self, turn: &mut Turn<'_>, saved: &Saved, since: Since) -> Result<(), &'static str> {
        let (from, now, monitors) = (self.word.load(), precise_millis(), self.enforcement.mode().monitors());
        if own(self) != Totals::default() {
            return Err(CALLED);
        }
        // What was done by hand to all keys holds for this one.
        let is_untouched = match from.phase() {
            Phase::Closed => {
                let is_as_configured = monitors == Some(from.monitored()) && self.enforcement.share() == WHOLE;
                self.of_keys.is_of_an_instance() || is_as_configured
            }
            Phase::Disabled => self.of_keys.is_of_an_instance() || monitors.is_none(),
            Phase::Forced => self.of_keys.is_of_an_instance(),
            Phase::Open | Phase::HalfOpen => false,
        };
        if !is_untouched {
            return Err("its state was changed already");
        }
        if monitors.is_none() && saved.monitored.is_none() && saved.phase != SavedPhase::ForcedOpen {
            return Err("it is turned off now");
        }
        let monitored = saved.monitored.or(monitors).unwrap_or(false);
        let rule = self.settings.open_rule();
        let (openings, jitter) = (saved.openings, saved.jitter);
        let age = match saved.phase {
            // Nobody waits for its probes any more: the next call is one.
            SavedPhase::HalfOpen => rule.lasts(openings, jitter),
            _ => {
                let wall = since.wall_millis.min(rule.max_millis);
                let here = now.saturating_sub(since.read_at_millis);
                saved.age_millis.saturating_add(wall).saturating_add(here)
            }
        };
        let open = || {
            let since = now.wrapping_sub(age.min(LONGEST_AGE));
            match saved.own_millis.filter(|_| saved.phase == SavedPhase::Open) {
                Some(own) => self.opened(since, openings, monitored, Some(Duration::from_millis(own))),
                None => Word::open(since, openings, jitter, monitored),
            }
        };
        let reason = saved.reason.unwrap_or(OpenReason::JustOpened);
        let (to, reason) = match saved.phase {
            SavedPhase::Closed => (Word::closed(from.entering(now), monitored), None),
            SavedPhase::Open | SavedPhase::HalfOpen => (open(), Some(reason)),
            SavedPhase::ForcedOpen => (Word::forced(from.entering(now)), Some(OpenReason::Forced)),
            SavedPhase::Disabled => (Word::disabled(from.entering(now)), None),
        };
        let is_so_already = to.phase() == from.phase() && to.monitored() == from.monitored();
        if !is_so_already && !self.enter(turn, from, to, now, reason) {
            return Err(CALLED);
        }
        saved.share.into_iter().for_each(|share| self.enforcement.set_share(share.min(WHOLE)));
        Ok(())
    }
}

const CALLED: &str = "it has made calls already";
