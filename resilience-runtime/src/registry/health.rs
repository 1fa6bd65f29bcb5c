//! Whether the program can do its work, from its breakers and from checks of its own: what a readiness endpoint asks.

use super::{Policy, Registry};
use crate::circuit_breaker::{CircuitBreaker, State};
use crate::error::{Name, Rejection};
use crate::next_call::NextCall;
use crate::sync::locked;
use resilience_config::{BrokenRule, names};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

/// How many health checks a registry has at most.
pub const MAX_HEALTH_CHECKS: usize = 64;
/// How many circuit breakers may be marked as critical.
pub const MAX_CRITICAL: usize = 1024;
/// How many reasons a [`Health`] gives at most; what is beyond is counted.
pub const MAX_HEALTH_REASONS: usize = 100;

const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Whether the program can do its work, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum HealthStatus {
    /// Nothing is wrong.
    Up,
    /// Something is wrong, and the program does its work without.
    Degraded,
    /// Something critical is wrong.
    Down,
}

impl HealthStatus {
    /// `up`, `degraded` or `down`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the program is, and why. See [`Registry::health`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Health {
    /// The worst of all reasons; up without any.
    pub status: HealthStatus,
    /// Everything that is not up, the worst first and then by kind and name; at most [`MAX_HEALTH_REASONS`].
    pub reasons: Vec<HealthReason>,
    /// Reasons beyond those.
    pub more: usize,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HealthReason {
    /// What it makes of the program.
    pub status: HealthStatus,
    /// `circuit_breaker` or `check`.
    pub kind: &'static str,
    /// The breaker's name or the check's.
    pub name: Name,
    /// What is wrong with it, as the rest of a sentence that begins with its name.
    pub why: String,
}

impl Health {
    fn of(mut reasons: Vec<HealthReason>) -> Self {
        reasons.sort_by(|a, b| b.status.cmp(&a.status).then_with(|| (a.kind, &a.name).cmp(&(b.kind, &b.name))));
        let status = reasons.first().map_or(HealthStatus::Up, |worst| worst.status);
        let more = reasons.len().saturating_sub(MAX_HEALTH_REASONS);
        reasons.truncate(MAX_HEALTH_REASONS);
        Self { status, reasons, more }
    }

    /// What a readiness endpoint answers with: 503 when down, 200 otherwise, since a program that is degraded does its work.
    pub fn http_status(&self) -> u16 {
        match self.status {
            HealthStatus::Up | HealthStatus::Degraded => 200,
            HealthStatus::Down => 503,
        }
    }
}

/// In one line: `degraded: circuit breaker `stock` is open, …`.
impl Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for (nth, reason) in self.reasons.iter().enumerate() {
            f.write_str(if nth == 0 { ": " } else { "; " })?;
            write!(f, "{reason}")?;
        }
        if self.more > 0 { write!(f, "; and {} more", self.more) } else { Ok(()) }
    }
}

impl Display for HealthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` {}", self.kind.replace('_', " "), self.name, self.why)
    }
}

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
    #[error("{MAX_CRITICAL} circuit breakers are marked as critical already, and there is no place for `{name}`")]
    TooManyMarks {
        /// The breaker's name.
        name: Name,
    },
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

    /// Whether the program is down when the check fails, or only degraded.
    pub fn critical(mut self, critical: bool) -> Self {
        self.critical = critical;
        self
    }

    async fn run(self) -> Result<(), String> {
        match tokio::time::timeout(self.timeout, (self.check)()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("failed: {error}")),
            Err(_) => Err(format!("did not answer within {:?}", self.timeout)),
        }
    }

    fn failed(&self, why: String) -> HealthReason {
        let status = if self.critical { HealthStatus::Down } else { HealthStatus::Degraded };
        HealthReason { status, kind: "check", name: self.name.clone(), why }
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
pub(super) struct HealthRules {
    checks: Mutex<BTreeMap<Name, HealthCheck>>,
    critical: Mutex<BTreeSet<Name>>,
}

impl Registry {
    /// Whether the program can do its work, from its circuit breakers and its checks.
    ///
    /// | what | makes it |
    /// |---|---|
    /// | a check that fails, panics or does not answer in time | down; degraded where it is not [critical](HealthCheck::critical) |
    /// | a breaker that is open or forced open | degraded; down where it is [marked as critical](Self::mark_critical) |
    /// | a breaker that is half-open, or whose `open_for` is over, or that enforces only [a share](crate::Steer::enforce_share) | degraded |
    /// | a breaker with keys, some of which are open | degraded; down where one of them, `name/key`, is marked |
    /// | a breaker that monitors or is disabled | nothing |
    ///
    /// A breaker whose time is over only degrades, because it is a call that finds out whether the dependency is back: a service that is taken
    /// out of the load balancer until then would never get one.
    ///
    /// Reading the breakers changes nothing. The checks run side by side in the caller's task; all of it takes as long as the slowest check, and so
    /// no longer than the longest timeout. Wants tokio's timer where there is a check. Dropping the future drops the checks.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resilience_runtime::{HealthCheck, registry};
    /// use std::time::Duration;
    ///
    /// async fn ping() -> std::io::Result<()> {
    ///     Err(std::io::Error::other("connection refused"))
    /// }
    ///
    /// registry().health_check(HealthCheck::new("database", Duration::from_secs(2), ping))?;
    /// let health = registry().health().await;
    /// assert_eq!(health.http_status(), 503);
    /// assert_eq!(health.to_string(), "down: check `database` failed: connection refused");
    /// # Ok(()) }
    /// ```
    pub async fn health(&self) -> Health {
        let checks: Vec<HealthCheck> = locked(&self.inner.health.checks).values().cloned().collect();
        let mut reasons = side_by_side(checks).await;
        let critical = locked(&self.inner.health.critical).clone();
        reasons.extend(self.circuit_breakers().filter_map(|breaker| of_breaker(&breaker, &critical)));
        Health::of(reasons)
    }

    /// Has this check made whenever somebody asks for the [`health`](Self::health); in place of an earlier one of the same name.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 128 characters, a timeout out of bounds, or more than [`MAX_HEALTH_CHECKS`].
    pub fn health_check(&self, check: HealthCheck) -> Result<(), HealthError> {
        names::check(&check.name)?;
        let (name, timeout) = (check.name.clone(), check.timeout);
        if !(Duration::from_millis(1)..=LONGEST_TIMEOUT).contains(&timeout) {
            return Err(HealthError::Timeout { name, timeout });
        }
        let mut checks = locked(&self.inner.health.checks);
        if checks.len() >= MAX_HEALTH_CHECKS && !checks.contains_key(&name) {
            return Err(HealthError::TooManyChecks { name });
        }
        let before = checks.insert(name, check);
        // What it has captured is the user's, and is dropped under no lock.
        drop(checks);
        drop(before);
        Ok(())
    }

    /// Takes that check away; whether there was one.
    pub fn remove_health_check(&self, name: &str) -> bool {
        // In two steps, so that what it has captured is dropped under no lock.
        let removed = locked(&self.inner.health.checks).remove(name);
        removed.is_some()
    }

    /// Says whether the program is down while the circuit breaker of that name is open. By default it is only degraded: most calls have a
    /// fallback. Of a breaker with keys, `name/key` is a key's, and the name alone that of the keys that share the overflow breaker. The breaker need not have
    /// been called yet.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 128 characters, or more than [`MAX_CRITICAL`] marks.
    pub fn mark_critical(&self, name: impl Into<Name>, critical: bool) -> Result<(), HealthError> {
        let name = name.into();
        let mut marks = locked(&self.inner.health.critical);
        if !critical {
            marks.remove(&name);
            return Ok(());
        }
        // A key's name may be longer than its family's, and a family's may have that character too.
        names::check(&name).or_else(|error| names::check(name.split_once('/').ok_or(error)?.0))?;
        if marks.len() >= MAX_CRITICAL && !marks.contains(&name) {
            return Err(HealthError::TooManyMarks { name });
        }
        marks.insert(name);
        Ok(())
    }
}

fn of_breaker(breaker: &CircuitBreaker, critical: &BTreeSet<Name>) -> Option<HealthReason> {
    let name = breaker.name();
    if let Some((status, why)) = judged(breaker, critical.contains(&name)) {
        return Some(HealthReason { status, kind: CircuitBreaker::KIND, name, why });
    }
    // Its own state is that of the overflow breaker: those of the keys are beside it.
    let keys = breaker.of_keys();
    let bad: Vec<_> = keys
        .iter()
        .map(|of_key| (of_key, of_key.name()))
        .filter_map(|(of_key, name)| judged(of_key, critical.contains(&name)).map(|(status, _)| (status, name)))
        .collect();
    let status = bad.iter().map(|(status, _)| *status).max()?;
    let mut worst: Vec<_> = bad.iter().filter(|(of_key, _)| *of_key == status).map(|(_, name)| name.as_str()).collect();
    worst.sort_unstable();
    let more = if worst.len() > 3 { ", …" } else { "" };
    worst.truncate(3);
    let why = format!("has {} of {} keys open or half-open: {}{more}", bad.len(), keys.len(), worst.join(", "));
    Some(HealthReason { status, kind: CircuitBreaker::KIND, name, why })
}

/// What a breaker that is not as it should be makes of the program, and why.
fn judged(breaker: &CircuitBreaker, critical: bool) -> Option<(HealthStatus, String)> {
    let shut = if critical { HealthStatus::Down } else { HealthStatus::Degraded };
    match (breaker.state(), breaker.next_call()) {
        // With a share of enforcement some of the calls that are to be rejected are, and others are not: of both the same is said.
        (
            State::HalfOpen,
            NextCall::Probe { reason }
            | NextCall::Rejected(Rejection::CircuitOpen { reason, .. })
            | NextCall::WouldReject(Rejection::CircuitOpen { reason, .. }),
        ) => Some((HealthStatus::Degraded, format!("is half-open: {reason}"))),
        (State::Open, NextCall::Probe { reason }) => {
            Some((HealthStatus::Degraded, format!("is open: {reason}; the next call is a probe")))
        }
        (
            state @ (State::Open | State::ForcedOpen),
            NextCall::Rejected(Rejection::CircuitOpen { reason, retry_after, .. })
            | NextCall::WouldReject(Rejection::CircuitOpen { reason, retry_after, .. }),
        ) => {
            let due = retry_after.map_or_else(String::new, |due| format!("; a probe is due in {due:?}"));
            match breaker.share() {
                share @ ..100 if state == State::Open => {
                    Some((HealthStatus::Degraded, format!("is open and enforces {share} % of it: {reason}{due}")))
                }
                _ => Some((shut, format!("is open: {reason}{due}"))),
            }
        }
        _ => None,
    }
}

/// Those that failed.
async fn side_by_side(checks: Vec<HealthCheck>) -> Vec<HealthReason> {
    let mut reasons = Vec::new();
    let mut running: Vec<_> = checks.into_iter().map(|check| (check.clone(), Some(Box::pin(check.run())))).collect();
    poll_fn(|context| {
        for (check, running) in &mut running {
            let Some(run) = running else { continue };
            let Poll::Ready(result) = poll_caught(run.as_mut(), context) else { continue };
            reasons.extend(result.err().map(|why| check.failed(why)));
            // What is left of it is the user's, and may panic as well.
            let done = running.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(done)));
        }
        if running.iter().all(|(_, running)| running.is_none()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    // The last to have one that was replaced meanwhile, and with it what that has captured, which is the user's as well.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(running)));
    reasons
}

/// A panic is an answer too.
fn poll_caught(
    run: Pin<&mut impl Future<Output = Result<(), String>>>,
    context: &mut Context<'_>,
) -> Poll<Result<(), String>> {
    let caught = catch_unwind(AssertUnwindSafe(|| run.poll(context)));
    caught.unwrap_or_else(|panic| Poll::Ready(Err(format!("panicked{}", message(&*panic)))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().copied();
    let message = literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    message.map_or_else(String::new, |message| format!(": {message}"))
}
