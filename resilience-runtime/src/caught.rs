//! Running what is not ours beside a call: a panic of it ends here.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What it returns; `None` where it panics. The panic hook hears of that, and no call does.
pub(crate) fn caught<R>(foreign: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(foreign)) {
        Ok(returned) => Some(returned),
        Err(panic) => {
            // What it panicked with is not ours either, and may panic where it is dropped, with something that does the same.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                std::mem::forget(panic);
            }
            None
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use std::panic::panic_any;

    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic_any(PanicsAgain);
        }
    }

    #[test]
    fn a_panic_ends_there_whatever_it_panics_with() {
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| panic!("on purpose")), None::<u32>);
        assert_eq!(caught(|| panic_any(PanicsAgain)), None::<u32>);
    }
}
