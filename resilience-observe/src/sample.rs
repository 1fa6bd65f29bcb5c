//! What all policies did, at one moment, and what happened between two of them.

use crate::policies::{self, Pace, Policy};
use resilience_runtime::{Event, Kind, Layer, Name, Operation, Registry, RegistrySnapshot, Timestamp, Topic};
use std::collections::HashMap;

/// What the program's attributes say, which is the same for as long as it runs.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    /// By the policy that they have.
    of_policy: HashMap<(Kind, Name), Vec<Name>>,
    with_fallback: Vec<WithFallback>,
}

#[derive(Debug)]
struct WithFallback {
    operation: &'static Operation,
    name: Name,
    breakers: Vec<Name>,
}

/// All policies at one moment.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    pub(crate) policies: RegistrySnapshot,
    /// Of each function with a fallback, how often that was asked, and how often it failed.
    fallbacks: Vec<(u64, u64)>,
}

/// How fast things happen, by policy.
pub(crate) type Rates = HashMap<(Kind, Name), Pace>;

impl Functions {
    pub(crate) fn of(registry: &Registry) -> Self {
        let mut functions = Self::default();
        for operation in registry.operations() {
            let name = operation.shown_name();
            let mut breakers = Vec::new();
            for layer in operation.layers() {
                let Some(policy) = layer.policy() else { continue };
                if layer.kind() == Kind::CircuitBreaker && !breakers.contains(&policy) {
                    breakers.push(policy.clone());
                }
                let of_policy = functions.of_policy.entry((layer.kind(), policy)).or_default();
                // One function may have the same policy twice.
                if !of_policy.contains(&name) {
                    of_policy.push(name.clone());
                }
            }
            if operation.layers().iter().any(|layer| matches!(layer, Layer::Fallback(_))) {
                functions.with_fallback.push(WithFallback { operation, name, breakers });
            }
        }
        functions
    }

    /// Those that have the policy.
    pub(crate) fn of_policy(&self, kind: Kind, name: &Name) -> &[Name] {
        self.of_policy.get(&(kind, name.clone())).map_or(&[], Vec::as_slice)
    }
}

impl Sample {
    pub(crate) fn of(registry: &Registry, functions: &Functions) -> Self {
        let fallbacks = functions.with_fallback.iter().map(|function| {
            // The failures first: they are never more than the questions.
            let failed = function.operation.failed_fallbacks();
            (function.operation.fallbacks(), failed)
        });
        Self { at: Timestamp::now(), fallbacks: fallbacks.collect(), policies: registry.read() }
    }

    pub(crate) fn by_name(&self) -> HashMap<(Kind, &Name), Policy<'_>> {
        policies::of(&self.policies).map(|policy| ((policy.kind(), policy.name()), policy)).collect()
    }

    /// What happened since then and may come with every call: one event for each policy and topic.
    pub(crate) fn repeated_since(&self, before: &Self, functions: &Functions) -> Vec<Event> {
        let mut events = Vec::new();
        let mut tell = |kind, name: &Name, topic, count: u64| {
            if count > 0 {
                let (name, since, at) = (name.clone(), before.at, self.at);
                events.push(Event::Repeated { kind, name, topic, count, since, at });
            }
        };
        let known = before.by_name();
        for policy in policies::of(&self.policies) {
            let (kind, name) = (policy.kind(), policy.name());
            let counted = known.get(&(kind, name)).map(|before| before.counters());
            for (nth, counter) in policy.counters().into_iter().enumerate() {
                let before = counted.as_ref().map_or(0, |counted| counted[nth].count);
                if let Some(topic) = counter.topic {
                    tell(kind, name, topic, counter.count.saturating_sub(before));
                }
            }
        }
        for (nth, function) in functions.with_fallback.iter().enumerate() {
            let ((asked, failed), (asked_before, failed_before)) = (self.fallbacks[nth], before.fallbacks[nth]);
            tell(Kind::Fallback, &function.name, Topic::Fallback, asked.saturating_sub(asked_before));
            tell(Kind::Fallback, &function.name, Topic::FallbackFailed, failed.saturating_sub(failed_before));
        }
        events
    }

    /// How often the fallbacks were asked of the functions that have a breaker, by breaker.
    pub(crate) fn fallbacks_of_breakers<'f>(&self, functions: &'f Functions) -> HashMap<&'f Name, u64> {
        let mut sums = HashMap::new();
        for (function, (asked, _)) in functions.with_fallback.iter().zip(&self.fallbacks) {
            function.breakers.iter().for_each(|breaker| *sums.entry(breaker).or_default() += asked);
        }
        sums
    }
}
