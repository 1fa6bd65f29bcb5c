//! What a registry was told about health: checks of the program's own, and which circuit breakers are critical.

use crate::name::{Instance, Name};
use crate::sync::locked;
use resilience_config::{BrokenRule, names};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many health checks a registry has at most.
pub const MAX_HEALTH_CHECKS: usize = 64;
/// How many circuit breakers may be marked as critical.
pub const MAX_CRITICAL: usize = 1024;
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Why a check or a mark was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// The name is empty or too long, or has control characters.
    #[error(transparent)]
    Name(#[from] BrokenRule),
    /// The timeout is out of bounds.
    #[error("a health check takes a timeout of 1ms to 1h, and `{name}` has {timeout:?}")]
    Timeout {
        /// The check's name.
        name: Name,
        /// Its timeout.
        timeout: Duration,
    },
    /// There are [`MAX_HEALTH_CHECKS`] of other names already.
    #[error("there are {MAX_HEALTH_CHECKS} health checks already, and there is no place for `{name}`")]
    TooManyChecks {
        /// The check's name.
        name: Name,
    },
    /// There are [`MAX_CRITICAL`] marks already.
    #[error("{MAX_CRITICAL} circuit breakers are marked as critical already, and there is no place for `{0}`")]
    TooManyMarks(Instance),
}

type Checking = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A question to something that the program needs, such as `SELECT 1`.
///
/// It runs in the task that asks for the program's health, side by side with the others: one that waits holds nobody up, one that blocks
/// its thread does. One that panics or takes longer than its timeout has failed, and is dropped where it stands.
#[derive(Clone)]
#[must_use = "a check does nothing until the registry has it"]
pub struct HealthCheck {
    name: Name,
    timeout: Duration,
    critical: bool,
    check: Arc<dyn Fn() -> Checking + Send + Sync>,
}

impl HealthCheck {
    /// A check that has to answer within `timeout`, 1 ms to 1 h. It is critical: when it fails, the program is down.
    pub fn new<F, A, E>(name: impl Into<Name>, timeout: Duration, check: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let check = move || -> Checking {
            let answer = check();
            Box::pin(async move { answer.await.map_err(|error| error.to_string()) })
        };
        Self { name: name.into(), timeout, critical: true, check: Arc::new(check) }
    }

    /// Another timeout, 1 ms to 1 h.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether the program is down when the check fails, or only degraded.
    pub fn critical(mut self, critical: bool) -> Self {
        self.critical = critical;
        self
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    pub(crate) fn is_critical(&self) -> bool {
        self.critical
    }

    pub(crate) async fn run(self) -> Result<(), String> {
        match tokio::time::timeout(self.timeout, (self.check)()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("failed: {error}")),
            Err(_) => Err(format!("did not answer within {:?}", self.timeout)),
        }
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("critical", &self.critical)
            .finish_non_exhaustive()
    }
}

/// What a registry was told about health. No call asks for it. Never loom's locks: the global registry is a static.
#[derive(Default)]
pub(crate) struct HealthRules {
    checks: Mutex<BTreeMap<Name, HealthCheck>>,
    critical: Mutex<BTreeSet<Instance>>,
}

impl HealthRules {
    pub(crate) fn checks(&self) -> Vec<HealthCheck> {
        locked(&self.checks).values().cloned().collect()
    }

    pub(crate) fn critical(&self) -> BTreeSet<Instance> {
        locked(&self.critical).clone()
    }

    pub(crate) fn is_marked(&self, breaker: &Instance) -> bool {
        locked(&self.critical).contains(breaker)
    }

    /// In place of an earlier one of the same name.
    pub(crate) fn add(&self, check: HealthCheck) -> Result<(), HealthError> {
        names::check(&check.name)?;
        let (name, timeout) = (check.name.clone(), check.timeout);
        if !(Duration::from_millis(1)..=LONGEST_TIMEOUT).contains(&timeout) {
            return Err(HealthError::Timeout { name, timeout });
        }
        let mut checks = locked(&self.checks);
        if checks.len() >= MAX_HEALTH_CHECKS && !checks.contains_key(&name) {
            return Err(HealthError::TooManyChecks { name });
        }
        let before = checks.insert(name, check);
        // What it has captured is the user's, and is dropped under no lock.
        drop(checks);
        drop(before);
        Ok(())
    }

    /// Whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        // In two steps, so that what it has captured is dropped under no lock.
        let removed = locked(&self.checks).remove(name);
        removed.is_some()
    }

    /// Takes away the marks of this breaker and of its keys; whether there were any.
    pub(crate) fn forget(&self, name: &Name) -> bool {
        let mut marks = locked(&self.critical);
        let before = marks.len();
        marks.retain(|marked| marked.name != *name);
        marks.len() < before
    }

    pub(crate) fn mark(&self, breaker: Instance, critical: bool) -> Result<(), HealthError> {
        let mut marks = locked(&self.critical);
        if !critical {
            marks.remove(&breaker);
            return Ok(());
        }
        names::check(&breaker.name)?;
        if marks.len() >= MAX_CRITICAL && !marks.contains(&breaker) {
            return Err(HealthError::TooManyMarks(breaker));
        }
        marks.insert(breaker);
        Ok(())
    }
}
