//! Building a policy without its attribute: the same keys, the same bounds, the same words. What all builders share is written here once;
//! the registry has the rest, since it is there that policies are built.

use crate::name::Name;
use crate::policy::{Definition, Policy};
use resilience_config::{ConfigError, Configurable, names};
use std::fmt;

/// Configures a policy. Mistakes are reported by [`build`](Self::build) and [`register`](Self::register).
#[must_use = "nothing is built before `build` or `register`"]
pub struct Builder<P: Policy> {
    pub(crate) name: Name,
    pub(crate) definition: Definition<P>,
    /// Whether any key was given.
    pub(crate) configured: bool,
}

impl<P: Policy> Builder<P> {
    pub(crate) fn new(name: Name) -> Self {
        Self { name, definition: P::define(P::Keys::nothing(), None), configured: false }
    }

    /// All keys at once, in place of those given so far.
    pub fn config(mut self, config: P::Keys) -> Self {
        self.definition = P::define(config, self.definition.rule);
        self.configured = true;
        self
    }

    /// A rule of the user's own, in place of one given so far.
    pub(crate) fn rule(mut self, rule: P::Rule) -> Self {
        self.definition = P::define(self.definition.keys, Some(rule));
        self.configured = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let name = names::check(&self.name).err();
        ConfigError::unless_none(name.into_iter().chain(self.definition.keys.broken_rules()).collect())
    }
}

impl<P: Policy> Clone for Builder<P> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), definition: self.definition, configured: self.configured }
    }
}

impl<P: Policy> fmt::Debug for Builder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, definition, configured } = self;
        f.debug_struct("Builder")
            .field("name", name)
            .field("definition", definition)
            .field("configured", configured)
            .finish()
    }
}

/// A setter a key, named like it, each handing on to the configuration's own.
macro_rules! setters {
    ($($(#[$doc:meta])* $key:ident $(or $off:ident)?: $value:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $key(self, value: $value) -> Self {
                let config = self.definition.keys.$key(value);
                self.config(config)
            }

            $(
                #[doc = concat!("Turns `", stringify!($key), "` off: it is written `none`.")]
                pub fn $off(self) -> Self {
                    let config = self.definition.keys.$off();
                    self.config(config)
                }
            )?
        )*
    };
}

pub(crate) use setters;
