//! Who looks at the policies once a second: a thread, since an overloaded runtime is when somebody wants to know what happened.

use resilience_runtime::Timestamp;
use std::thread;
use std::time::Duration;

/// Looks once a second, until it is told that there is nothing to look at any more. Where the system has no thread to give, nobody looks.
pub(crate) fn start(mut look: impl FnMut() -> bool + Send + 'static) {
    let sampler = thread::Builder::new().name("resilience-history".to_owned());
    let _ = sampler.spawn(move || {
        loop {
            // On whole seconds, so that none has two readings and another one none.
            let until_next = 1000 - Timestamp::now().as_millis() % 1000;
            thread::sleep(Duration::from_millis(until_next));
            if !look() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// It looks when a second is over, so this takes as long.
    #[test]
    fn whoever_says_that_there_is_nothing_more_is_not_asked_again() {
        let (told, looks) = mpsc::channel();
        start(move || told.send(()).is_err());
        // Until the thread has ended, and what it looked with is gone.
        assert_eq!(looks.iter().take(2).count(), 1);
    }
}
