//! Whether the program can do its work, from its breakers and from checks of its own: what a readiness endpoint asks.

use crate::caught::caught;
use crate::circuit_breaker::CircuitBreaker;
use crate::error::Rejection;
use crate::kind::Kind;
use crate::name::{Instance, Key, Name, Shown};
use crate::next_call::NextCall;
use crate::registry::{HealthCheck, HealthError, Registry};
use crate::state::State;
use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many reasons a [`Health`] gives at most; what is beyond is counted.
pub const MAX_HEALTH_REASONS: usize = 100;

/// Whether the program can do its work, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
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
    /// Everything that is not up, the worst first and then by kind, name and key; at most [`MAX_HEALTH_REASONS`].
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
    /// Of a breaker with keys: the key that is [marked](Registry::mark_critical). Of the others, one reason speaks for all.
    pub key: Option<Key>,
    /// What is wrong with it, as the rest of a sentence that begins with its name.
    pub why: String,
}

impl Health {
    fn of(mut reasons: Vec<HealthReason>) -> Self {
        reasons.sort_by(|a, b| {
            b.status.cmp(&a.status).then_with(|| (a.kind, &a.name, &a.key).cmp(&(b.kind, &b.name, &b.key)))
        });
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
        let shown = Shown(&self.name, self.key.as_ref());
        write!(f, "{} `{shown}` {}", self.kind.replace('_', " "), self.why)
    }
}

impl Registry {
    /// Whether the program can do its work, from its circuit breakers and its checks.
    ///
    /// | what | makes it |
    /// |---|---|
    /// | a check that fails, panics or does not answer in time | down; degraded where it is not [critical](HealthCheck::critical) |
    /// | a breaker that is open or forced open | degraded; down where it is [marked as critical](Self::mark_critical) |
    /// | a breaker that is half-open, or whose `open_for` is over, or that enforces only [a share](crate::Steer::enforce_share) | degraded |
    /// | a breaker with keys, some of which are open | degraded; down where one of them is marked |
    /// | a breaker that monitors or is disabled | nothing |
    /// | a breaker that was restored and that nobody has called yet | what it will be |
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
        let mut reasons = side_by_side(self.health_rules().checks()).await;
        let critical = self.health_rules().critical();
        #[cfg(feature = "persistence")]
        let (expected, breakers) = self.expected_and_built();
        #[cfg(not(feature = "persistence"))]
        let breakers = self.circuit_breakers();
        breakers.into_iter().for_each(|breaker| of_breaker(&breaker, &critical, |reason| reasons.push(reason)));
        #[cfg(feature = "persistence")]
        for expected in &expected {
            of_breaker(&expected.breaker, &critical, |mut reason| {
                reason.why.push_str("; restored, and not called yet");
                reasons.push(reason);
            });
        }
        Health::of(reasons)
    }

    /// Has this check made whenever somebody asks for the [`health`](Self::health); in place of an earlier one of the same name.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 128 characters, a timeout out of bounds, or more than [`MAX_HEALTH_CHECKS`](crate::MAX_HEALTH_CHECKS).
    pub fn health_check(&self, check: HealthCheck) -> Result<(), HealthError> {
        self.health_rules().add(check)
    }

    /// Takes that check away; whether there was one.
    pub fn remove_health_check(&self, name: &str) -> bool {
        self.health_rules().remove(name)
    }

    /// Says whether the program is down while the circuit breaker of that name is open. By default it is only degraded: most calls have a
    /// fallback. Of a breaker with keys, [`Instance::of_key`] is one key's, and the name alone that of the keys that share the overflow breaker. The breaker need not have
    /// been called yet.
    ///
    /// # Errors
    ///
    /// A name that is empty or longer than 128 characters, or more than [`MAX_CRITICAL`](crate::MAX_CRITICAL) marks.
    ///
    /// # Examples
    ///
    /// ```
    /// use resilience_runtime::{Instance, registry};
    ///
    /// registry().mark_critical("payment", true)?;
    /// registry().mark_critical(Instance::of_key("stock", "warehouse 7"), true)?;
    /// # Ok::<(), resilience_runtime::HealthError>(())
    /// ```
    pub fn mark_critical(&self, breaker: impl Into<Instance>, critical: bool) -> Result<(), HealthError> {
        self.health_rules().mark(breaker.into(), critical)
    }

    /// Whether the breaker, or that of a key, is [marked](Self::mark_critical).
    pub fn is_critical(&self, breaker: impl Into<Instance>) -> bool {
        self.health_rules().is_marked(&breaker.into())
    }
}

/// Gives a reason for the breaker itself, one for each key that is marked, and one for the other keys.
fn of_breaker(breaker: &CircuitBreaker, critical: &BTreeSet<Instance>, mut give: impl FnMut(HealthReason)) {
    let name = breaker.name();
    let of = |key: Option<Key>, (status, why)| HealthReason {
        status,
        kind: Kind::CircuitBreaker.as_str(),
        name: name.clone(),
        key,
        why,
    };
    let own = judged(breaker, critical.contains(&Instance::new(name.clone(), None)));
    let is_up = own.is_none();
    own.into_iter().for_each(|own| give(of(None, own)));
    // Its own state is that of the overflow breaker: those of the keys are beside it.
    let keys = breaker.of_keys();
    let (mut bad, mut unmarked) = (Vec::new(), 0);
    for of_key in &keys {
        let instance = Instance::new(name.clone(), of_key.key());
        let is_marked = critical.contains(&instance);
        let Some(why) = judged(of_key, is_marked) else { continue };
        bad.push(instance.to_string());
        if is_marked { give(of(instance.key, why)) } else { unmarked += 1 }
    }
    // What is done to all of them by hand is said of the breaker.
    if is_up && unmarked > 0 {
        let why = format!("has {} of {} keys open or half-open: ", bad.len(), keys.len());
        let more = if bad.len() > 3 { ", …" } else { "" };
        bad.truncate(3);
        give(of(None, (HealthStatus::Degraded, why + &bad.join(", ") + more)));
    }
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
            reasons.extend(result.err().map(|why| failed(check, why)));
            *running = None;
        }
        if running.iter().all(|(_, running)| running.is_none()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    // The last to have one that was replaced meanwhile, and with it what that has captured, which is the user's as well.
    caught(|| drop(running));
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

fn failed(check: &HealthCheck, why: String) -> HealthReason {
    let status = if check.is_critical() { HealthStatus::Down } else { HealthStatus::Degraded };
    HealthReason { status, kind: "check", name: check.name().clone(), key: None, why }
}
