//! What was restored of breakers that are not built yet.

use crate::circuit_breaker::{Saved, Since};
use crate::sync::locked;
use std::collections::HashMap;
use std::sync::Mutex;

/// What was restored of breakers that are not there yet.
#[derive(Default)]
pub(crate) struct Pending {
    waiting: Mutex<Option<Waiting>>,
}

struct Waiting {
    since: Since,
    /// By the breaker's name, those of its keys with it.
    saved: HashMap<String, Vec<Saved>>,
}

impl Pending {
    /// In place of what still waits.
    pub(crate) fn replace(&self, since: Since, all: Vec<Saved>) {
        let mut waiting = Waiting { since, saved: HashMap::new() };
        for saved in all {
            waiting.saved.entry(saved.name.clone()).or_default().push(saved);
        }
        *locked(&self.waiting) = Some(waiting);
    }

    /// What is known of this breaker, once.
    pub(crate) fn take(&self, name: &str) -> Option<(Since, Vec<Saved>)> {
        let mut pending = locked(&self.waiting);
        let waiting = pending.as_mut()?;
        let (since, saved) = (waiting.since, waiting.saved.remove(name)?);
        if waiting.saved.is_empty() {
            *pending = None;
        }
        Some((since, saved))
    }
}
