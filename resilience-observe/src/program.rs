//! What the program's attributes say, which is the same for as long as it runs: which guarded function has which policies, and whose fallbacks answer for which circuit breaker.

use resilience_runtime::{Kind, Name, Operation, Registry};
use std::collections::HashMap;

/// The guarded functions.
#[derive(Debug)]
pub(crate) struct Program {
    functions: Vec<Function>,
    /// Of each policy the functions that have it, by their place in the list.
    of_policy: HashMap<Kind, HashMap<Name, Vec<usize>>>,
}

/// One guarded function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) operation: &'static Operation,
    /// As it is shown.
    pub(crate) name: Name,
    /// From the outermost on. A fallback has no name.
    pub(crate) layers: Vec<(Kind, Option<Name>)>,
}

impl Program {
    pub(crate) fn of(registry: &Registry) -> Self {
        let functions = registry.operations().map(|operation| Function {
            operation,
            name: operation.shown_name(),
            layers: operation.layers().iter().map(|layer| (layer.kind(), layer.policy())).collect(),
        });
        let functions: Vec<_> = functions.collect();
        let mut of_policy = HashMap::<Kind, HashMap<Name, Vec<usize>>>::new();
        for (nth, function) in functions.iter().enumerate() {
            for (kind, policy) in &function.layers {
                let Some(policy) = policy else { continue };
                let of_policy = of_policy.entry(*kind).or_default().entry(policy.clone()).or_default();
                // One function may have the same policy twice.
                if of_policy.last() != Some(&nth) {
                    of_policy.push(nth);
                }
            }
        }
        Self { functions, of_policy }
    }

    pub(crate) fn functions(&self) -> &[Function] {
        &self.functions
    }

    pub(crate) fn with_fallback(&self) -> impl Iterator<Item = &Function> {
        let has_fallback = |function: &&Function| function.layers.iter().any(|(kind, _)| *kind == Kind::Fallback);
        self.functions.iter().filter(has_fallback)
    }

    /// The functions that have the policy, by their place in the list.
    pub(crate) fn of_policy(&self, kind: Kind, name: &str) -> &[usize] {
        self.of_policy.get(&kind).and_then(|policies| policies.get(name)).map_or(&[], Vec::as_slice)
    }

    /// What the functions that have the circuit breaker have counted of their fallbacks. One that has none has counted nothing.
    pub(crate) fn fallbacks_of(&self, breaker: &str, count: fn(&Operation) -> u64) -> u64 {
        let functions = self.of_policy(Kind::CircuitBreaker, breaker).iter();
        functions.map(|nth| count(self.functions[*nth].operation)).sum()
    }
}
