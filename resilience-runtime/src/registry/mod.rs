//! The global registry: names to policies, and every guarded function of the program.
//!
//! A guarded function's static ([`Site`]) looks its policy up once and keeps the handle. Which configuration is in force for
//! a shared name does not depend on who calls first: the link-time list of operations is asked for the first place by crate,
//! file and line.

mod attribute;
mod conflicts;
mod describe;
mod health;
mod key_value;
mod layers;
mod operation;
mod pattern;
#[cfg(feature = "persistence")]
mod persistence;
mod policies;
mod registered;
mod site;
mod steering;

pub use conflicts::{Conflict, Conflicts, Difference, assert_verified};
pub use describe::Description;
pub use health::{
    Health, HealthCheck, HealthError, HealthReason, HealthStatus, MAX_CRITICAL, MAX_HEALTH_CHECKS, MAX_HEALTH_REASONS,
};
pub use key_value::KeyValue;
#[cfg(feature = "config")]
pub(crate) use layers::{Layers, Place, Table, in_variable};
pub use layers::{Setting, Source};
pub(crate) use operation::operation_of;
pub use operation::{Layer, OPERATIONS, Operation};
pub use pattern::{InvalidPattern, Pattern};
#[cfg(feature = "persistence")]
pub use persistence::{MAX_STATE_BYTES, RestoreError, Restored, SaveError};
#[cfg(feature = "config")]
pub(crate) use policies::Named;
pub use policies::RegisterError;
pub(crate) use policies::{Policies, Policy};
pub(crate) use registered::registered;
pub(crate) use site::Site;
pub use steering::{Matching, Reached, Steer, SteerError};

use crate::bulkhead::{Bulkhead, BulkheadSnapshot};
use crate::circuit_breaker::{CircuitBreaker, CircuitBreakerSnapshot};
use crate::error::Name;
use crate::event::{Bus, Event, EventFilter, Events, Listener, Topic};
use crate::rate_limit::{RateLimiter, RateLimiterSnapshot};
use crate::retry::{Retry, RetrySnapshot};
use crate::timeout::{Timeout, TimeoutSnapshot};
use once_cell::sync::Lazy;
use std::sync::Arc;

static GLOBAL: Lazy<Registry> = Lazy::new(Registry::default);

/// The registry of this program; with the feature `test-util`, of the test's scope where one is entered.
pub fn registry() -> Registry {
    #[cfg(feature = "test-util")]
    if let Some(scoped) = crate::testing::registry() {
        return scoped;
    }
    GLOBAL.clone()
}

/// Tells the readers of this program's registry, without taking hold of it, or those of the test's scope.
fn emit(topic: Topic, event: impl FnOnce() -> Event) {
    #[cfg(feature = "test-util")]
    if let Some(scoped) = crate::testing::registry() {
        return scoped.inner.bus.emit(topic, event);
    }
    GLOBAL.inner.bus.emit(topic, event);
}

/// A handle on the policies of a program by kind and name; clones are the same registry.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    circuit_breakers: Policies<CircuitBreaker>,
    retries: Policies<Retry>,
    timeouts: Policies<Timeout>,
    bulkheads: Policies<Bulkhead>,
    rate_limiters: Policies<RateLimiter>,
    bus: Arc<Bus>,
    health: health::HealthRules,
    #[cfg(feature = "persistence")]
    pending: persistence::Pending,
    #[cfg(feature = "config")]
    outside: crate::configuration::Outside,
}

/// All policies of a registry at one moment.
///
/// With the feature `serde` a `Duration` in it is `{"secs": 1, "nanos": 500000000}`, an enum's variant is in `snake_case` (`"closed"`, or
/// `{"rejected": {…}}` where it has fields), and what is not there is `null`.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RegistrySnapshot {
    /// By name.
    pub circuit_breakers: Vec<CircuitBreakerSnapshot>,
    /// By name.
    pub retries: Vec<RetrySnapshot>,
    /// By name.
    pub timeouts: Vec<TimeoutSnapshot>,
    /// By name.
    pub bulkheads: Vec<BulkheadSnapshot>,
    /// By name.
    pub rate_limiters: Vec<RateLimiterSnapshot>,
}

impl Registry {
    /// The circuit breaker of that name: one that was named, or one that is shown as `module::function`; as `module::function@line` where several
    /// functions have that path, and `module::function@line.2` for the second that a macro has put on one line (in the linker's order, which another build may
    /// change: give a name to those that you want to address). A breaker is here
    /// from the first call of a function that it guards, or from [`register`](crate::CircuitBreakerBuilder::register).
    pub fn circuit_breaker(&self, name: &str) -> Option<Arc<CircuitBreaker>> {
        self.inner.circuit_breakers.find(name)
    }

    /// Every circuit breaker, by name.
    pub fn circuit_breakers(&self) -> impl Iterator<Item = Arc<CircuitBreaker>> + use<> {
        self.inner.circuit_breakers.all().into_iter()
    }

    /// The retry of that name.
    pub fn retry(&self, name: &str) -> Option<Arc<Retry>> {
        self.inner.retries.find(name)
    }

    /// Every retry, by name.
    pub fn retries(&self) -> impl Iterator<Item = Arc<Retry>> + use<> {
        self.inner.retries.all().into_iter()
    }

    /// The timeout of that name.
    pub fn timeout(&self, name: &str) -> Option<Arc<Timeout>> {
        self.inner.timeouts.find(name)
    }

    /// Every timeout, by name.
    pub fn timeouts(&self) -> impl Iterator<Item = Arc<Timeout>> + use<> {
        self.inner.timeouts.all().into_iter()
    }

    /// The bulkhead of that name.
    pub fn bulkhead(&self, name: &str) -> Option<Arc<Bulkhead>> {
        self.inner.bulkheads.find(name)
    }

    /// Every bulkhead, by name.
    pub fn bulkheads(&self) -> impl Iterator<Item = Arc<Bulkhead>> + use<> {
        self.inner.bulkheads.all().into_iter()
    }

    /// The rate limiter of that name.
    pub fn rate_limiter(&self, name: &str) -> Option<Arc<RateLimiter>> {
        self.inner.rate_limiters.find(name)
    }

    /// Every rate limiter, by name.
    pub fn rate_limiters(&self) -> impl Iterator<Item = Arc<RateLimiter>> + use<> {
        self.inner.rate_limiters.all().into_iter()
    }

    /// Every guarded function that is linked into the program, called or not, by crate, file and line.
    ///
    /// A library's functions are in it once any path of the library is used; of a library that nothing refers to,
    /// the linker keeps nothing (`use that_library as _;` is enough).
    pub fn operations(&self) -> impl Iterator<Item = &'static Operation> + use<> {
        operation::in_order().iter().copied()
    }

    /// Every policy as it is now. Takes no lock that a call waits for.
    ///
    /// A snapshot of 10,000 breakers takes 0.09 s, and reconfiguring all of them 0.02 s. Two threads that call them one after the other meanwhile
    /// pay 50 to 52 ns of a core for a call instead of 46 to 50, with both without a pause beside them, on two cores
    /// (`cargo test --release -p resilience-runtime --test ten_thousand -- --ignored --nocapture`).
    pub fn snapshot(&self) -> RegistrySnapshot {
        RegistrySnapshot {
            circuit_breakers: self.circuit_breakers().map(|breaker| breaker.snapshot_in(self)).collect(),
            retries: self.retries().map(|retry| retry.snapshot_in(self)).collect(),
            timeouts: self.timeouts().map(|timeout| timeout.snapshot_in(self)).collect(),
            bulkheads: self.bulkheads().map(|bulkhead| bulkhead.snapshot_in(self)).collect(),
            rate_limiters: self.rate_limiters().map(|limiter| limiter.snapshot_in(self)).collect(),
        }
    }

    /// The events from now on: every topic but [`Topic::Outcome`].
    pub fn subscribe(&self) -> Events {
        self.subscribe_with(EventFilter::default())
    }

    /// The events from now on that the filter lets through. Who asks for [`Topic::Outcome`] makes every call tell how it ended, for as long as it
    /// reads.
    pub fn subscribe_with(&self, filter: EventFilter) -> Events {
        let outcomes = filter.wants(Topic::Outcome);
        let events = self.inner.bus.subscribe(filter);
        if outcomes {
            // One that is built from now on sees for itself.
            self.circuit_breakers().for_each(|breaker| breaker.tell_outcomes());
        }
        events
    }

    /// The last events of a policy, oldest first: at most [`RECENT_EVENTS`](crate::RECENT_EVENTS) of those that happen now and then (transitions, what was
    /// done by hand, reconfigurations, conflicts), one by one; what may happen at every call (rejections, timeouts, retries, slow calls, evictions) as one
    /// [`Event::Repeated`] for all between two of them. `kind` is the attribute's name. Empty where there is no such policy.
    ///
    /// Of a breaker with keys it has those of every key; its rejections are told as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use resilience_runtime::{CircuitBreaker, Event, registry};
    ///
    /// let mail = CircuitBreaker::builder("mail").register()?;
    /// mail.force_open();
    /// (0..1000).for_each(|_| assert!(mail.try_acquire().is_err()));
    /// let recent = registry().recent_events("circuit_breaker", "mail");
    /// assert_eq!(recent.len(), 3);
    /// assert!(matches!(recent[2], Event::Repeated { count: 1000, .. }));
    /// # Ok::<(), resilience_runtime::RegisterError>(())
    /// ```
    pub fn recent_events(&self, kind: &str, name: &str) -> Vec<Event> {
        fn of<P: Policy>(registry: &Registry, name: &str) -> Vec<Event> {
            let Some(policy) = P::policies(registry).find(name) else { return Vec::new() };
            policy.emitter().recent(P::KIND, policy.name(), || policy.runs())
        }
        match kind {
            CircuitBreaker::KIND => of::<CircuitBreaker>(self, name),
            Retry::KIND => of::<Retry>(self, name),
            Timeout::KIND => of::<Timeout>(self, name),
            Bulkhead::KIND => of::<Bulkhead>(self, name),
            RateLimiter::KIND => of::<RateLimiter>(self, name),
            _ => Vec::new(),
        }
    }

    /// Calls `listener` with every event from now on, on a thread of its own: one that is slow or panics harms no call, and loses
    /// the oldest events when [`EVENT_CAPACITY`](crate::EVENT_CAPACITY) of them wait. Until it is [stopped](Listener::stop): dropping what is returned
    /// ends nothing.
    pub fn on_event(&self, listener: impl FnMut(&Event) + Send + 'static) -> Listener {
        self.inner.bus.on_event(EventFilter::default(), listener)
    }

    pub(crate) fn bus(&self) -> Arc<Bus> {
        Arc::clone(&self.inner.bus)
    }

    #[cfg(feature = "config")]
    pub(crate) fn outside(&self) -> &crate::configuration::Outside {
        &self.inner.outside
    }

    pub(crate) fn register<P: Policy>(
        &self,
        name: Name,
        config: P::Config,
        configured: bool,
    ) -> Result<Arc<P>, RegisterError> {
        let policy = P::policies(self).register(name, self, config, configured)?;
        policy.about_to_be_called();
        Ok(policy)
    }

    pub(crate) fn join<P: Policy>(&self, site: &'static Site<P>) -> Arc<P> {
        let policy = P::policies(self).join(site, self);
        policy.about_to_be_called();
        policy
    }

    pub(crate) fn of_retries(&self) -> &Policies<Retry> {
        &self.inner.retries
    }

    pub(crate) fn of_bulkheads(&self) -> &Policies<Bulkhead> {
        &self.inner.bulkheads
    }

    pub(crate) fn of_rate_limiters(&self) -> &Policies<RateLimiter> {
        &self.inner.rate_limiters
    }

    pub(crate) fn of_timeouts(&self) -> &Policies<Timeout> {
        &self.inner.timeouts
    }

    /// Where circuit breakers are kept.
    pub(crate) fn of_circuit_breakers(&self) -> &Policies<CircuitBreaker> {
        &self.inner.circuit_breakers
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("circuit_breakers", &self.circuit_breakers().collect::<Vec<_>>()).finish()
    }
}
