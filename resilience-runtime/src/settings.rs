//! A policy's settings while calls read them: the whole of them is the truth, and what a call reads is words derived from it.

use crate::sync::{AtomicSetting, RwLock, read, write};
use std::sync::Arc;

/// The words of settings that calls read, each meaningful by itself. What is only meaningful together is in one word, so that no call sees half
/// of a change.
pub(crate) trait HotWords<const WORDS: usize> {
    fn words(&self) -> [u64; WORDS];
}

/// Settings that can be replaced under way.
///
/// A call reads words, without a lock; whoever shows or compares settings, or has time, reads them [whole](Self::get). Nothing is read back from the
/// words, so they may round.
///
/// Laid out in this order: what reads the whole of them writes its lock, away from what calls read.
#[repr(C)]
pub(crate) struct Settings<S, const WORDS: usize> {
    whole: RwLock<Arc<S>>,
    words: [AtomicSetting; WORDS],
}

impl<S: HotWords<WORDS>, const WORDS: usize> Settings<S, WORDS> {
    pub(crate) fn new(settings: impl Into<Arc<S>>) -> Self {
        let whole = settings.into();
        Self { words: whole.words().map(AtomicSetting::new), whole: RwLock::new(whole) }
    }

    /// As they are in force.
    pub(crate) fn get(&self) -> Arc<S> {
        Arc::clone(&read(&self.whole))
    }

    #[inline]
    pub(crate) fn word(&self, index: usize) -> u64 {
        self.words[index].get()
    }

    /// Puts other settings in force, and `then` what follows from them: both under one lock, so that two changes do not mix. Nothing that is not ours
    /// may run in `then`.
    pub(crate) fn replace<R>(&self, settings: impl Into<Arc<S>>, then: impl FnOnce(&S) -> R) -> R {
        let settings = settings.into();
        let mut whole = write(&self.whole);
        for (word, value) in self.words.iter().zip(settings.words()) {
            word.set(value);
        }
        *whole = settings;
        then(&whole)
    }
}

/// Where what is in it.
#[cfg(all(test, target_pointer_width = "64", not(resilience_loom)))]
impl<S, const WORDS: usize> Settings<S, WORDS> {
    pub(crate) const LAST_WORD_AND_LOCK_AT: (usize, usize) =
        (std::mem::offset_of!(Self, words) + (WORDS - 1) * 8, std::mem::offset_of!(Self, whole));
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    impl HotWords<1> for f64 {
        fn words(&self) -> [u64; 1] {
            [*self as u64]
        }
    }

    #[test]
    fn a_word_may_round_and_the_whole_does_not() {
        let settings = Settings::new(1.25);
        assert_eq!((settings.word(0), *settings.get()), (1, 1.25));
        assert_eq!(settings.replace(2.75, |whole| *whole), 2.75);
        assert_eq!((settings.word(0), *settings.get()), (2, 2.75));
    }
}
