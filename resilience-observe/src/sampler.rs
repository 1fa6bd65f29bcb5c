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
