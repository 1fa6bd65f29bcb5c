//! What finds its policy in the registry: a guarded function's static, and a builder.

use super::kinds::Kept;
use super::list::each_kind;
use super::operation::{FallbackSite, Operation, Site};
use super::policies::RegisterError;
use super::{Registry, registry};
use crate::builder::Builder;
use crate::cause::Describe;
use crate::circuit_breaker::{CircuitBreaker, Permit, Refused, TripIf, TripRule};
use crate::error::{Failure, Rejection};
#[cfg(feature = "test-util")]
use crate::event::Trap;
use crate::event::{Emitter, Event, Topic};
use crate::fallback::GuardedResult;
use crate::keyed::{ByKey, Keyed};
use crate::name::PolicyKey;
use crate::sync::Count;
use crate::time::Timestamp;
use resilience_config::ConfigError;
use std::sync::Arc;
use std::time::Duration;

impl<P: Kept> Site<P> {
    /// The policy: looked up by the first call, one load afterwards.
    #[doc(hidden)]
    #[inline]
    pub fn get(&'static self) -> &'static P {
        #[cfg(feature = "test-util")]
        if let Some(scoped) = super::scoped() {
            return scoped.policy(self);
        }
        let policy = match self.policy.get() {
            Some(policy) => policy,
            None => self.look_up(),
        };
        #[cfg(feature = "test-util")]
        if super::is_outside_scope() {
            policy.tell_trap(Trap::OutsideScope);
        }
        policy
    }

    /// Not while the cell is being written, since joining tells of conflicts and what was restored. Several threads may do it, and find the same.
    #[cold]
    fn look_up(&'static self) -> &'static P {
        let policy = registry().join(self);
        self.policy.get_or_init(|| &**Box::leak(Box::new(policy)))
    }
}

impl<P: Kept + ByKey> Site<P> {
    /// The instance of one key.
    #[doc(hidden)]
    #[inline(always)]
    pub fn keyed<K: PolicyKey<Fit> + ?Sized, Fit>(&'static self, key: &K) -> Keyed<'static, P> {
        Keyed::new(self.get(), key)
    }

    /// That of a key which is not known yet.
    #[doc(hidden)]
    #[inline(always)]
    pub fn of_a_key(&'static self) -> Keyed<'static, P> {
        Keyed::unprinted(self.get())
    }
}

impl Site<CircuitBreaker> {
    /// Asks the breaker to make one call. What is refused becomes a rejection, and counts, when it is made into one.
    #[doc(hidden)]
    #[inline(always)]
    pub fn admit(&'static self) -> Result<Permit<'static>, Refused<'static>> {
        self.get().admit_now()
    }

    /// See [`CircuitBreaker::is_shut_after`].
    #[doc(hidden)]
    #[cold]
    pub fn is_shut_after(&'static self, wait: Duration) -> bool {
        self.get().is_shut_after(wait)
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn trip_if(self, rule: TripIf, tokens: &'static str) -> Self {
        self.with_rule(TripRule::written(rule, tokens))
    }
}

impl Operation {
    fn count(&self, what: impl FnOnce(&'static FallbackSite) -> &'static Count) {
        if let Some(fallback) = self.fallback() {
            what(fallback).increment();
        }
    }

    /// A fallback is about to answer for this failure.
    #[doc(hidden)]
    pub fn count_fallback<E>(&'static self, failure: &Failure<E>, describe: Describe<E>) {
        let rejection = failure.rejection().map(Rejection::kind);
        self.count(|fallback| fallback.asked_for(rejection));
        let cause = || match failure {
            Failure::Call(error) => Registry::cause_of(error, describe),
            Failure::Rejected(_) => None,
        };
        let event = || Event::Fallback { name: self.shown_name(), rejection, cause: cause(), at: Timestamp::now() };
        Registry::emit(Topic::Fallback, event);
        #[cfg(feature = "tracing")]
        crate::event::trace::fell_back(failure, cause);
    }

    /// The last fallback has answered so.
    #[doc(hidden)]
    #[inline]
    pub fn fallback_ended<R: GuardedResult<T, E>, T, E>(&'static self, answer: R, describe: Describe<E>) -> R {
        match answer.error() {
            Some(error) => self.fallback_failed(error, describe),
            None => self.fallback_answered(),
        }
        answer
    }

    /// A fallback has answered, and no other one is asked.
    #[doc(hidden)]
    pub fn fallback_answered(&'static self) {
        self.count(|fallback| &fallback.answered);
    }

    #[cold]
    fn fallback_failed<E>(&'static self, error: &E, describe: Describe<E>) {
        self.count(|fallback| &fallback.failed);
        let cause = || Registry::cause_of(error, describe);
        let event = || Event::FallbackFailed { name: self.shown_name(), cause: cause(), at: Timestamp::now() };
        Registry::emit(Topic::FallbackFailed, event);
        #[cfg(feature = "tracing")]
        crate::event::trace::fallback_failed(error, cause);
    }
}

impl<P: Kept> Builder<P> {
    /// One that is in no registry. Its events go to the current registry's readers.
    ///
    /// # Errors
    ///
    /// Every key that is missing, out of bounds or contradicts another.
    pub fn build(self) -> Result<P, ConfigError> {
        self.check()?;
        Ok(P::new(self.name, &self.definition, Emitter::new(registry().bus())))
    }

    /// The one of that name in the registry: new, or there already with the same configuration. Without any key given, whichever is
    /// there.
    ///
    /// # Errors
    ///
    /// A mistake in the configuration, or another configuration under the same name. Without any key given, a key that is missing where nobody else configures
    /// the policy.
    pub fn register(self) -> Result<Arc<P>, RegisterError> {
        self.check_to_register()?;
        registry().register(self.name, self.definition, self.configured, false)
    }

    /// Nothing is wrong with a name alone where somebody else says what the policy is like.
    pub(crate) fn check_to_register(&self) -> Result<(), ConfigError> {
        if !self.configured && registry().of_kind::<P>().is_configured(&self.name) {
            return Ok(());
        }
        self.check()
    }

    /// As [`register`](Self::register), for a pipeline, with which it goes unless somebody else has registered it as well.
    pub(crate) fn register_for_pipeline(self) -> Result<Arc<P>, RegisterError> {
        registry().register(self.name, self.definition, self.configured, true)
    }
}

macro_rules! snapshots {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {
        $(impl crate::$policy {
            /// It as it is now. Taking a snapshot disturbs no call.
            pub fn snapshot(&self) -> crate::$snapshot {
                registry().of_kind().snapshot_of(self)
            }
        })*
    };
}

each_kind!(snapshots!);
