//! How much of what a breaker decides is enforced: its `mode`, and the share that a careful roll-out has got to. One word, because a breaker has no room for more.
//!
//! ```text
//! bits  0..2  8..16            16..64
//!       mode  share (percent)  calls that a share was asked about
//! ```

use crate::sync::AtomicSetting;
use resilience_config::Mode;

const MODE: u64 = 0b11;
const _: () = assert!(Mode::ALL.len() as u64 <= MODE + 1);
const SHARE_AT: u32 = 8;
const SHARE: u64 = 0xff << SHARE_AT;
const ASKED_AT: u32 = 16;
/// Percent: everything.
pub(super) const WHOLE: u8 = 100;

pub(super) struct Enforcement(AtomicSetting);

impl Enforcement {
    pub(super) fn new(mode: Mode) -> Self {
        Self(AtomicSetting::new(mode.index() as u64 | u64::from(WHOLE) << SHARE_AT))
    }

    pub(super) fn mode(&self) -> Mode {
        mode_of(self.0.get())
    }

    /// What it was.
    pub(super) fn set_mode(&self, mode: Mode) -> Mode {
        mode_of(self.0.change(|word| word & !MODE | mode.index() as u64))
    }

    /// Percent of the calls to be rejected that are rejected.
    #[inline]
    pub(super) fn share(&self) -> u8 {
        ((self.0.get() & SHARE) >> SHARE_AT) as u8
    }

    /// At most 100. Another share begins to count anew.
    pub(super) fn set_share(&self, percent: u8) {
        if self.share() != percent {
            self.0.change(|word| word & ((1 << SHARE_AT) - 1) | u64::from(percent) << SHARE_AT);
        }
    }

    /// Whether this call is really rejected. One load, unless a share is set.
    #[inline]
    pub(super) fn enforces(&self) -> bool {
        self.share() == WHOLE || self.enforces_this_one()
    }

    #[cold]
    fn enforces_this_one(&self) -> bool {
        is_enforced(self.0.add(1 << ASKED_AT))
    }

    /// Whether the next call would be, without its being asked about.
    pub(super) fn would_enforce(&self) -> bool {
        is_enforced(self.0.get())
    }
}

fn mode_of(word: u64) -> Mode {
    Mode::ALL[(word & MODE) as usize].1
}

/// Of any hundred in a row exactly the share is, as evenly spread as can be: the line that Bresenham draws.
fn is_enforced(word: u64) -> bool {
    let (share, nth, whole) = ((word & SHARE) >> SHARE_AT, word >> ASKED_AT, u64::from(WHOLE));
    nth % whole * share % whole + share >= whole
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn of_any_hundred_in_a_row_exactly_the_share_is_rejected() {
        for share in 0..=100 {
            let enforcement = Enforcement::new(Mode::Enforce);
            enforcement.set_share(share);
            let asked = || {
                let (would, does) = (enforcement.would_enforce(), enforcement.enforces());
                assert_eq!(would, does);
                does
            };
            let enforced: Vec<_> = (0..1000).map(|_| asked()).collect();
            for hundred in enforced.windows(100) {
                assert_eq!(hundred.iter().filter(|enforced| **enforced).count(), usize::from(share));
            }
        }
        let enforcement = Enforcement::new(Mode::Enforce);
        enforcement.set_share(10);
        let first = (0..).position(|_| enforcement.enforces());
        assert_eq!(first, Some(9), "every tenth, and not the first of them");
        // Set to what it is, it goes on counting; to another share, it begins anew.
        let asked_after = |asked: usize, share: u8| {
            (0..asked).for_each(|_| _ = enforcement.enforces());
            enforcement.set_share(share);
            (0..).position(|_| enforcement.enforces())
        };
        assert_eq!((asked_after(7, 10), asked_after(7, 20)), (Some(2), Some(4)));
    }

    #[test]
    fn a_word_keeps_its_numbers_apart() {
        let enforcement = Enforcement::new(Mode::Monitor);
        enforcement.set_share(30);
        (0..1000).for_each(|_| _ = enforcement.enforces());
        assert_eq!((enforcement.mode(), enforcement.share()), (Mode::Monitor, 30));
        assert_eq!(enforcement.set_mode(Mode::Off), Mode::Monitor);
        enforcement.set_share(100);
        assert_eq!((enforcement.mode(), enforcement.share()), (Mode::Off, 100));
    }
}
