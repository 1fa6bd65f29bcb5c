//! Building a policy without its attribute: the same keys, the same bounds, the same words. What all builders share is written here once.

use resilience_config::{ConfigError, Configurable, names};

/// A setter a key, named like it, each handing on to the configuration's own.
macro_rules! setters {
    ($($(#[$doc:meta])* $key:ident $(or $off:ident)?: $value:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $key(mut self, value: $value) -> Self {
                self.config = self.config.$key(value);
                self.configured = true;
                self
            }

            $(
                #[doc = concat!("Turns `", stringify!($key), "` off: it is written `none`.")]
                pub fn $off(mut self) -> Self {
                    self.config = self.config.$off();
                    self.configured = true;
                    self
                }
            )?
        )*
    };
}

/// A whole builder, for a policy whose configuration is all that it is made of: of its table of keys.
macro_rules! builder {
    (
        $(#[$doc:meta])*
        $builder:ident: $policy:ident by $config:ident, $($keys:tt)*
    ) => {
        $(#[$doc])*
        ///
        /// Mistakes are reported by [`build`](Self::build) and [`register`](Self::register).
        #[derive(Clone, Debug)]
        #[must_use = "nothing is built before `build` or `register`"]
        pub struct $builder {
            name: $crate::error::Name,
            config: $config,
            configured: bool,
        }

        impl $builder {
            pub(super) fn new(name: $crate::error::Name) -> Self {
                Self { name, config: $config::new(), configured: false }
            }

            $crate::builder::setters! { $($keys)* }

            /// All keys at once, in place of those given so far.
            pub fn config(mut self, config: $config) -> Self {
                self.config = config;
                self.configured = true;
                self
            }

            fn check(&self) -> Result<(), resilience_config::ConfigError> {
                $crate::builder::check(&self.name, &self.config)
            }

            /// One that is in no registry. Its events go to the current registry's readers.
            ///
            /// # Errors
            ///
            /// Every key that is missing, out of bounds or contradicts another.
            pub fn build(self) -> Result<$policy, resilience_config::ConfigError> {
                self.check()?;
                let bus = $crate::registry::registry().bus();
                Ok($crate::registry::Policy::from_config(self.name, &self.config, bus))
            }

            /// The one of that name in the registry: new, or there already with the same configuration. Without any key given, whichever is
            /// there.
            ///
            /// # Errors
            ///
            /// A mistake in the configuration, or another configuration under the same name.
            pub fn register(self) -> Result<std::sync::Arc<$policy>, $crate::registry::RegisterError> {
                self.check()?;
                $crate::registry::registry().register(self.name, self.config, self.configured)
            }
        }
    };
}

/// Every mistake in the name and the keys.
pub(crate) fn check<C: Configurable>(name: &str, config: &C) -> Result<(), ConfigError> {
    let name = names::check(name).err();
    ConfigError::unless_none(name.into_iter().chain(config.broken_rules()).collect())
}

pub(crate) use {builder, setters};
