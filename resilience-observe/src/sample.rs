//! What all policies did, at one moment, and what happened between two of them.

use crate::policies::{self, Pace, Policy};
use crate::program::Program;
use resilience_runtime::{Event, Kind, Name, Registry, RegistrySnapshot, Timestamp, Topic};
use std::collections::HashMap;

/// All policies at one moment.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    pub(crate) policies: RegistrySnapshot,
    /// Of each function of the program, how often its fallback was asked, and how often that failed.
    fallbacks: Vec<(u64, u64)>,
}

/// How fast things happen, by policy.
pub(crate) type Rates = HashMap<(Kind, Name), Pace>;

impl Sample {
    pub(crate) fn of(registry: &Registry, program: &Program) -> Self {
        let fallbacks = program.functions().iter().map(|function| {
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
    pub(crate) fn repeated_since(&self, before: &Self, program: &Program) -> Vec<Event> {
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
        for (nth, function) in program.functions().iter().enumerate() {
            let ((asked, failed), (asked_before, failed_before)) = (self.fallbacks[nth], before.fallbacks[nth]);
            tell(Kind::Fallback, &function.name, Topic::Fallback, asked.saturating_sub(asked_before));
            tell(Kind::Fallback, &function.name, Topic::FallbackFailed, failed.saturating_sub(failed_before));
        }
        events
    }

    /// How often the fallbacks were asked of the functions that have the breaker.
    pub(crate) fn fallbacks_of(&self, program: &Program, breaker: &Name) -> u64 {
        let functions = program.of_policy(Kind::CircuitBreaker, breaker).iter();
        functions.map(|nth| self.fallbacks[*nth].0).sum()
    }
}
