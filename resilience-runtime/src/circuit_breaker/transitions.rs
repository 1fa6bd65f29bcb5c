//! From one state to the next: what is written down at a transition, and that it is told.

use super::breaker::CircuitBreaker;
use super::clock::Clock;
use super::cold::ColdParts;
use super::last_error::CallEnd;
use super::opening::{Opening, PackedReason};
use super::state::{Due, Phase, Word};
use crate::cause::Because;
use crate::error::OpenReason;
use crate::event::Turn;
use crate::time::{COARSE_ERROR_MILLIS, millis_up};
use crate::window::WindowCounts;
use std::time::Duration;

/// A probe's permit is in use for so long, if the probe is cancelled before and nothing is abandoned.
const COOLS_FOR_MILLIS: u64 = 1000;

impl CircuitBreaker {
    /// Closed to open, unless the generation is over; for its own time where one was said.
    pub(super) fn trip(
        &self,
        closed: Word,
        (reason, because): (OpenReason, Option<&Because<'_>>),
        frozen: WindowCounts,
        now: u64,
        own: Option<Duration>,
    ) {
        self.look_at_the_clock();
        let (mut from, generation) = (closed, closed.generation());
        if let Some(because) = because {
            self.keep_error((Phase::Closed, generation), now, because);
        }
        let cold = self.cold.made();
        let mut turn = self.emitter.turn().because(self.cause_of(reason, because));
        // `monitor` or `enforce` may come between, which changes no generation.
        while from.is_in(Phase::Closed, generation) {
            let open = self.opened(from.entering(now), 0, from.monitored(), own);
            if self.word.exchange(from, open) {
                cold.last_opening.write(Opening { generation: open.generation(), reason, frozen });
                self.push_transition(&mut turn, (from, open), Some(reason), now);
                break;
            }
            from = self.word.load();
        }
        self.end(turn);
    }

    /// An opening that begins then, to be entered in this turn.
    pub(super) fn opened(&self, since: u64, openings: u64, monitored: bool, own: Option<Duration>) -> Word {
        let Some(time) = own else { return Word::open(since, openings, self.jitter(), monitored) };
        let open = Word::open(since, openings, 0, monitored).for_own_time();
        self.cold.made().own_time.set(open.generation(), millis_up(time));
        open
    }

    /// As `max_open_for` allows.
    pub(super) fn open_time(&self, time: Duration) -> Duration {
        let most = Duration::from_millis(self.settings.open_rule().max_millis);
        time.clamp(Duration::from_millis(1), most)
    }

    /// In how many milliseconds an open breaker lets a probe in; 0 once it does.
    #[inline]
    pub(super) fn probe_due_in(&self, open: Word, now: u64) -> u64 {
        let lasts = match open.has_own_time() {
            true => self.lasts_of_its_own(open),
            false => self.settings.open_lasts(open.openings(), open.jitter()),
        };
        open.left_of(lasts, now)
    }

    #[cold]
    #[inline(never)]
    fn lasts_of_its_own(&self, open: Word) -> u64 {
        match self.own_time_of(open) {
            Some(time) => time.min(self.settings.open_rule().max_millis),
            None => self.settings.open_lasts(open.openings(), open.jitter()),
        }
    }

    /// Enters a state other than by tripping, unless somebody was faster.
    pub(super) fn enter(&self, turn: &mut Turn<'_>, from: Word, to: Word, at: u64, reason: Option<OpenReason>) -> bool {
        // What the window was when the breaker opened stays readable until it closes.
        let opening = reason.map(|reason| (self.cold.made(), reason, self.frozen(from, at)));
        if !self.word.exchange(from, to) {
            return false;
        }
        if let Some((cold, reason, frozen)) = opening {
            cold.last_opening.write(Opening { generation: to.generation(), reason, frozen });
        }
        self.push_transition(turn, (from, to), reason, at);
        true
    }

    /// A probe was cancelled: whether its permit is not free yet.
    pub(super) fn cool(&self, generation: u64, clock: impl Clock, began: u64) -> bool {
        let (word, now) = (self.word.load(), clock.precise_millis());
        let free_at = began / 1_000_000 + self.settings.abandoned_after_millis().unwrap_or(COOLS_FOR_MILLIS);
        let cools = word.is_in(Phase::HalfOpen, generation) && now < free_at;
        if cools {
            self.cold.made().cooling.add(word, now, free_at);
        }
        cools
    }

    /// Half-open, and full: whether permits of cancelled probes have become free. The word is to be loaded again then.
    pub(super) fn free_cooled(&self, half_open: Word, clock: impl Clock) -> bool {
        // Usually there are none, and nobody has to wait for a word that others write to.
        let Some(ColdParts { cooling, .. }) = self.cold.get() else { return false };
        if cooling.count(half_open) == 0 {
            return false;
        }
        let now = clock.precise_millis();
        let free = cooling.take(half_open, now);
        if free == 0 {
            return false;
        }
        let is_of_this_state = |word: Word| word.is_in(Phase::HalfOpen, half_open.generation());
        let mut word = self.word.load();
        while is_of_this_state(word) && !self.word.exchange(word, word.without_probes(free)) {
            word = self.word.load();
        }
        true
    }

    /// Half-open: lets happen what time or a changed rule has made due. Whether there was something; the word is to be loaded again then.
    ///
    /// `latest` is what some cheap clock says, and what it may be behind: no earlier than the present. What would be due by then is judged by the precise clock.
    #[inline]
    pub(super) fn follow_due(&self, half_open: Word, latest: u64, clock: impl Clock) -> bool {
        half_open.due(latest, &self.settings.half_open_rule()) != Due::Nothing
            && self.follow_what_is_due(half_open, clock.precise_millis())
    }

    #[cold]
    #[inline(never)]
    fn follow_what_is_due(&self, half_open: Word, now: u64) -> bool {
        let due = half_open.due(now, &self.settings.half_open_rule());
        if due != Due::Nothing {
            let mut turn = self.emitter.turn();
            self.enter_due(&mut turn, half_open, due, now);
            self.end(turn);
        }
        due != Due::Nothing
    }

    /// An open breaker is due: lets its first probe in, unless somebody was faster.
    #[cold]
    #[inline(never)]
    pub(super) fn enter_half_open(&self, open: Word, half_open: Word, now: u64) -> bool {
        let mut turn = self.emitter.turn();
        let entered = self.enter(&mut turn, open, half_open, now, None);
        self.end(turn);
        entered
    }

    pub(super) fn enter_due(&self, turn: &mut Turn<'_>, half_open: Word, due: Due, now: u64) -> bool {
        let (monitored, reason) = (half_open.monitored(), due.reason());
        let reopen = |at: u64| self.opened(half_open.entering(at), half_open.openings() + 1, monitored, None);
        match due {
            Due::Nothing => false,
            Due::Close => self.enter(turn, half_open, Word::closed(half_open.entering(now), monitored), now, None),
            Due::ReopenFailed { .. } => self.enter(turn, half_open, reopen(now), now, reason),
            Due::ReopenTimedOut { at } => self.enter(turn, half_open, reopen(at), at, reason),
        }
    }

    /// Takes a probe's answer into the half-open state, or its permit back; whether it came in time.
    ///
    /// `end` is told before what follows from it.
    pub(super) fn answer(
        &self,
        generation: u64,
        clock: impl Clock,
        succeeded: Option<bool>,
        end: Option<CallEnd<'_>>,
    ) -> bool {
        loop {
            let word = self.word.load();
            if !word.is_half_open(generation) {
                return false;
            }
            let now = clock.coarse_millis();
            if self.follow_due(word, now + COARSE_ERROR_MILLIS, clock) {
                continue;
            }
            let answered = word.release_probe(succeeded);
            let due = match succeeded {
                Some(_) => answered.due(now, &self.settings.half_open_rule()),
                // Nothing was said that something could follow from, and it was not time just now.
                None => Due::Nothing,
            };
            match due {
                Due::Nothing => {
                    if self.word.exchange(word, answered) {
                        end.into_iter().for_each(|end| self.tell_ended(end));
                        return true;
                    }
                }
                due => {
                    let cause = due.reason().and_then(|reason| self.cause_of(reason, end.and_then(|end| end.because)));
                    let mut turn = self.emitter.turn().because(cause);
                    let entered = self.enter_due(&mut turn, word, due, clock.precise_millis_up());
                    if let (true, Some(end)) = (entered, end) {
                        self.push_ended(&mut turn, word.since(now), end);
                    }
                    self.end(turn);
                    if entered {
                        return true;
                    }
                }
            }
        }
    }

    /// Half-open to open for that time, which a probe's verdict says; whether it came in time.
    pub(super) fn reopen_for(&self, generation: u64, clock: impl Clock, time: Duration, end: CallEnd<'_>) -> bool {
        if let Some(because) = end.because {
            self.keep_error((Phase::HalfOpen, generation), clock.coarse_millis(), because);
        }
        loop {
            let word = self.word.load();
            if !word.is_in(Phase::HalfOpen, generation) {
                return false;
            }
            let now = clock.precise_millis_up();
            if self.follow_due(word, now, clock) {
                continue;
            }
            let reason = OpenReason::Verdict { open_for: time };
            let mut turn = self.emitter.turn().because(self.cause_of(reason, end.because));
            let open = self.opened(word.entering(now), word.openings() + 1, word.monitored(), Some(time));
            let entered = self.enter(&mut turn, word, open, now, Some(reason));
            if entered {
                self.push_ended(&mut turn, word.since(now), end);
            }
            self.end(turn);
            if entered {
                return true;
            }
        }
    }

    /// The window as it stands in the state of `word`.
    pub(super) fn frozen(&self, word: Word, now: u64) -> WindowCounts {
        match word.phase() {
            Phase::Closed => self.window.counts(word.closed_generation(), now),
            Phase::Disabled => WindowCounts::default(),
            _ => self.last_opening().map_or_else(WindowCounts::default, |opening| opening.frozen),
        }
    }

    /// Of the probes in flight those that were cancelled, and whose permits are not free yet.
    pub(super) fn cooling(&self, word: Word) -> u64 {
        self.cold.get().map_or(0, |parts| parts.cooling.count(word))
    }

    /// How long that opening lasts by itself.
    pub(super) fn own_time_of(&self, open: Word) -> Option<u64> {
        self.cold.get()?.own_time.of(open.generation())
    }

    /// The last one, whether it is over or not.
    pub(super) fn last_opening(&self) -> Option<Opening> {
        self.cold.get()?.last_opening.read()
    }

    /// Why it lets nothing through in the state of `word`.
    #[inline]
    pub(super) fn reason_of(&self, word: Word) -> PackedReason {
        match self.cold.get().and_then(|parts| parts.last_opening.read_reason()) {
            // Of a half-open breaker, whichever opening came before it.
            Some((generation, reason)) if word.phase() == Phase::HalfOpen || generation == word.generation() => reason,
            _ if word.phase() == Phase::Forced => OpenReason::Forced.into(),
            _ => OpenReason::JustOpened.into(),
        }
    }

    /// This opening's share of `open_jitter`.
    pub(super) fn jitter(&self) -> u64 {
        if self.settings.open_rule().jitter == 0.0 {
            return 0;
        }
        use std::hash::{BuildHasher, Hasher};
        // Seeded by the system for every state, which is often enough for an opening.
        std::hash::RandomState::new().build_hasher().finish()
    }
}
