//! The guarded functions of the program, collected by the linker.

use super::{Policy, Site};
use crate::bulkhead::BulkheadSite;
use crate::circuit_breaker::BreakerSite;
use crate::error::Name;
use crate::event::{Event, Topic};
use crate::rate_limit::RateLimitSite;
use crate::retry::RetrySite;
use crate::sync::Count;
use crate::time::Timestamp;
use crate::timeout::TimeoutSite;
use once_cell::sync::Lazy;
use std::collections::HashMap;

/// Every guarded function; generated code adds to it.
#[linkme::distributed_slice]
pub static OPERATIONS: [Operation];

/// A guarded function.
pub struct Operation {
    module: &'static str,
    function: &'static str,
    file: &'static str,
    line: u32,
    layers: &'static [Layer],
    fallbacks: Count,
}

/// One of the policies around a guarded function.
#[derive(Debug)]
#[non_exhaustive]
pub enum Layer {
    /// `#[circuit_breaker]`
    CircuitBreaker(&'static BreakerSite),
    /// `#[retry]`
    Retry(&'static RetrySite),
    /// `#[timeout]`
    Timeout(&'static TimeoutSite),
    /// `#[bulkhead]`
    Bulkhead(&'static BulkheadSite),
    /// `#[rate_limit]`
    RateLimit(&'static RateLimitSite),
    /// `#[fallback]`, with its path as written.
    Fallback(&'static str),
}

impl Operation {
    #[doc(hidden)]
    pub const fn new(
        module: &'static str,
        function: &'static str,
        file: &'static str,
        line: u32,
        layers: &'static [Layer],
    ) -> Self {
        Self { module, function, file, line, layers, fallbacks: Count::new() }
    }

    /// The module that the function is in; the crate's name comes first.
    pub fn module(&self) -> &'static str {
        self.module
    }

    /// The function's name.
    pub fn function(&self) -> &'static str {
        self.function
    }

    /// `module::function`.
    pub fn path(&self) -> String {
        format!("{}::{}", self.module, self.function)
    }

    /// The source file, as the compiler was given it.
    pub fn file(&self) -> &'static str {
        self.file
    }

    /// The line of the function's name.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// `file:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The policies around it, outermost first.
    pub fn layers(&self) -> &'static [Layer] {
        self.layers
    }

    /// How often its fallback answered.
    pub fn fallbacks(&self) -> u64 {
        self.fallbacks.get()
    }

    #[doc(hidden)]
    pub fn count_fallback(&'static self) {
        self.fallbacks.increment();
        let event = || Event::Fallback { name: Name::from(self.shown_as()), at: Timestamp::now() };
        super::emit(Topic::Fallback, event);
        #[cfg(feature = "tracing")]
        crate::event::trace::fell_back();
    }

    /// [`path`](Self::path), with the line where several functions of the program share it, and a number where a macro has put several of those on one
    /// line: no two functions are shown alike.
    pub(super) fn shown_as(&'static self) -> String {
        type Alike = HashMap<(&'static str, &'static str), Vec<&'static Operation>>;
        static ALIKE: Lazy<Alike> = Lazy::new(|| {
            let mut alike = Alike::new();
            for operation in in_order() {
                alike.entry((operation.module, operation.function)).or_default().push(operation);
            }
            alike
        });
        let alike = ALIKE.get(&(self.module, self.function)).map_or(&[][..], Vec::as_slice);
        if alike.len() < 2 {
            return self.path();
        }
        let of_line = alike.iter().filter(|other| other.line == self.line);
        match of_line.take_while(|other| !std::ptr::eq(**other, self)).count() {
            0 => format!("{}@{}", self.path(), self.line),
            before => format!("{}@{}.{}", self.path(), self.line, before + 1),
        }
    }

    /// Its policies, each by kind and the name by which it is shown.
    pub(super) fn policies(&'static self) -> impl Iterator<Item = (&'static str, Name)> {
        self.layers.iter().filter_map(|layer| Some((layer.kind(), layer.policy()?)))
    }

    fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").field("path", &self.path()).field("place", &self.place()).finish_non_exhaustive()
    }
}

/// `module::function` of the one guarded function that has the policy of that kind and name; `None` where there is none, or several.
pub(crate) fn operation_of(kind: &'static str, name: &Name) -> Option<Name> {
    type Owners = HashMap<(&'static str, Name), Option<Name>>;
    static OWNERS: Lazy<Owners> = Lazy::new(|| {
        let mut owners = Owners::new();
        for operation in OPERATIONS {
            let owner = Name::from(operation.shown_as());
            for policy in operation.policies() {
                // Twice in one function, it is still that function's.
                owners
                    .entry(policy)
                    .and_modify(|known| _ = known.take_if(|known| *known != owner))
                    .or_insert_with(|| Some(owner.clone()));
            }
        }
        owners
    });
    OWNERS.get(&(kind, name.clone())).cloned().flatten()
}

/// By crate, file and line.
pub(super) fn in_order() -> &'static [&'static Operation] {
    static IN_ORDER: Lazy<Vec<&'static Operation>> = Lazy::new(|| {
        let mut operations: Vec<&'static Operation> = OPERATIONS.iter().collect();
        operations.sort_by_key(|operation| (operation.crate_name(), operation.file, operation.line));
        operations
    });
    &IN_ORDER
}

/// Every attribute of this kind, by crate, file and line of its function.
pub(super) fn sites<P: Policy>() -> impl Iterator<Item = &'static Site<P>> {
    in_order().iter().flat_map(|operation| operation.layers()).filter_map(P::site)
}
