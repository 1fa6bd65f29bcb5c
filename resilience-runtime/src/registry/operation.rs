//! A guarded function of the program, and its policies.

use super::list::each_kind;
use crate::error::RejectionKind;
use crate::policy::{Definition, Policy};
use crate::sync::Count;
use once_cell::race::OnceRef;
use std::fmt;

/// A guarded function.
///
/// Nothing in it changes: for each static that can, the compiler asks through all of its types, several times, and anew in each function.
pub struct Operation {
    module: &'static str,
    function: &'static str,
    file: &'static str,
    line: u32,
    layers: &'static [Layer],
}

macro_rules! layers {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {
        /// One of the policies around a guarded function.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Layer {
            $(
                /// An attribute at its function.
                #[doc(hidden)]
                $kind(&'static Site<crate::$policy>),
            )*
            /// `#[fallback]`.
            #[doc(hidden)]
            Fallback(&'static FallbackSite),
        }
    };
}

each_kind!(layers!);

/// A fallback at its function: its path as written, and what came of it.
pub struct FallbackSite {
    pub(crate) path: &'static str,
    /// By what it answered for: the function's own error first, and then [`RejectionKind::ALL`].
    asked: [Count; 1 + RejectionKind::ALL.len()],
    pub(super) answered: Count,
    pub(super) failed: Count,
}

impl fmt::Debug for FallbackSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackSite").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FallbackSite {
    #[doc(hidden)]
    pub const fn new(path: &'static str) -> Self {
        let asked = [const { Count::new() }; 1 + RejectionKind::ALL.len()];
        Self { path, asked, answered: Count::new(), failed: Count::new() }
    }

    pub(super) fn asked_for(&self, rejection: Option<RejectionKind>) -> &Count {
        let kind = RejectionKind::ALL.iter().position(|kind| Some(*kind) == rejection);
        &self.asked[kind.map_or(0, |kind| kind + 1)]
    }
}

/// A policy at its function: what the attribute says, and the handle that the function's first call finds.
pub struct Site<P: Policy> {
    attribute: Attribute<P>,
    /// A reference, which nothing has to be dropped for.
    pub(super) policy: OnceRef<'static, P>,
}

/// What an attribute says. One type, of which the compiler knows from the function before that nothing in it changes.
struct Attribute<P: Policy> {
    at: At,
    name: Option<&'static str>,
    definition: Definition<P>,
    /// Whether an instance key was written; if not, it joins whatever has the name.
    is_configured: bool,
}

/// The guarded function.
pub(super) enum At {
    Operation(&'static Operation),
    /// Where it is, without its layers: the site is all that there is of it. A static of its own would have to lead here, and this one there, which is half of what
    /// both take to compile.
    Alone(Operation),
}

// The compiler would find it out by itself, but for each static anew and through everything that a policy is made of, which is a tenth of
// what `cargo check` takes for a guarded function. So it is told, and held to it once.
// SAFETY: every field is `Sync` whatever the policy is, or `every_field_is_sync` would not compile; a field that it leaves out would not either.
#[allow(unsafe_code)]
unsafe impl<P: Policy> Sync for Site<P> {}

#[allow(dead_code)]
fn every_field_is_sync<P: Policy>(Site { attribute, policy }: &Site<P>) {
    fn is_sync<T: Sync>(_: &T) {}
    is_sync(attribute);
    is_sync(policy);
}

impl<P: Policy> Site<P> {
    // Made once, and not for each static.
    #[allow(clippy::declare_interior_mutable_const, reason = "each site begins with its own")]
    const NOT_YET: OnceRef<'static, P> = OnceRef::new();

    #[doc(hidden)]
    pub const fn new(
        operation: &'static Operation,
        name: Option<&'static str>,
        keys: P::Keys,
        is_configured: bool,
    ) -> Self {
        let definition = Definition { keys, rule: None };
        let attribute = Attribute { at: At::Operation(operation), name, definition, is_configured };
        Self { attribute, policy: Self::NOT_YET }
    }

    #[doc(hidden)]
    pub const fn alone(
        module: &'static str,
        function: &'static str,
        file: &'static str,
        line: u32,
        name: Option<&'static str>,
        keys: P::Keys,
        is_configured: bool,
    ) -> Self {
        let at = At::Alone(Operation::new(module, function, file, line, &[]));
        let attribute = Attribute { at, name, definition: Definition { keys, rule: None }, is_configured };
        Self { attribute, policy: Self::NOT_YET }
    }

    pub(super) const fn with_rule(mut self, rule: P::Rule) -> Self {
        self.attribute.definition.rule = Some(rule);
        self
    }

    pub(super) fn at(&self) -> &At {
        &self.attribute.at
    }

    /// The name, where one was given.
    pub fn name(&self) -> Option<&'static str> {
        self.attribute.name
    }

    /// What the attribute says.
    pub(crate) fn definition(&self) -> &Definition<P> {
        &self.attribute.definition
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.attribute.is_configured
    }
}

impl<P: Policy> fmt::Debug for Site<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("name", &self.name())
            .field("definition", self.definition())
            .finish_non_exhaustive()
    }
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
        Self { module, function, file, line, layers }
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
        format!("{}::{}", self.module(), self.function())
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
    pub fn location(&self) -> String {
        format!("{}:{}", self.file(), self.line())
    }

    /// The policies around it, outermost first.
    pub fn layers(&self) -> &'static [Layer] {
        self.layers
    }

    /// Its fallback, which is around everything else.
    pub(super) fn fallback(&self) -> Option<&'static FallbackSite> {
        match self.layers {
            [Layer::Fallback(fallback), ..] => Some(fallback),
            _ => None,
        }
    }

    /// How often its fallback was asked, whatever for and whether it failed or not.
    pub fn fallbacks(&self) -> u64 {
        self.fallback().map_or(0, |fallback| fallback.asked.iter().map(Count::get).sum())
    }

    /// How often its fallback was asked for a rejection of that kind; `None` stands for the function's own errors.
    pub fn fallbacks_for(&self, rejection: Option<RejectionKind>) -> u64 {
        self.fallback().map_or(0, |fallback| fallback.asked_for(rejection).get())
    }

    /// How often its fallback succeeded: with several levels, any of them. One that is still answering, or was dropped before it had, is neither here nor among
    /// [`failed_fallbacks`](Self::failed_fallbacks).
    pub fn answered_fallbacks(&self) -> u64 {
        self.fallback().map_or(0, |fallback| fallback.answered.get())
    }

    /// How often its fallback failed too: with several levels, the last one.
    pub fn failed_fallbacks(&self) -> u64 {
        self.fallback().map_or(0, |fallback| fallback.failed.get())
    }

    pub(super) fn crate_name(&self) -> &'static str {
        self.module().split("::").next().unwrap_or(self.module())
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("path", &self.path())
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}
