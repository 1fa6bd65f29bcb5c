//! What the registry and generated code need to know of a policy whose configuration is all that it is made of, written once.

/// A site at a guarded function, and the policy's place in the registry.
macro_rules! registered {
    (
        $(#[$doc:meta])*
        $site:ident: $policy:ident by $config:ident as $kind:literal;
        layer: $layer:ident, kept: $kept:ident,
        new: $new:expr, in_force: $in_force:expr,
        waits_with: $waits_with:expr,
        $(go_on: $go_on:expr,)?
        runs: $runs:expr,
    ) => {
        $(#[$doc])*
        pub type $site = $crate::registry::Site<$policy>;

        impl $site {
            #[doc(hidden)]
            pub const fn new(
                operation: &'static $crate::registry::Operation,
                name: Option<&'static str>,
                config: $config,
                configured: bool,
            ) -> Self {
                Self::of(operation, name, config, configured)
            }
        }

        impl $crate::registry::Policy for $policy {
            type Config = $config;
            type Keys = $config;

            const KIND: &'static str = $kind;
            const WAITS_WITH: Option<&'static str> = $waits_with;

            fn keys(config: &$config) -> &$config {
                config
            }

            fn with_keys(_: &$config, keys: $config) -> $config {
                keys
            }

            fn in_force(&self) -> <$config as resilience_config::Configurable>::Settings {
                let in_force: fn(&Self) -> _ = $in_force;
                in_force(self)
            }

            fn put_in_force(
                &self,
                keys: $config,
                _: &mut $crate::event::Turn<'_>,
            ) -> Result<u64, resilience_config::ConfigError> {
                self.put(keys)
            }

            $(
                fn go_on(&self, waiting: u64) {
                    let go_on: fn(&Self, u64) = $go_on;
                    go_on(self, waiting);
                }
            )?

            fn from_config(
                name: $crate::error::Name,
                config: &$config,
                bus: std::sync::Arc<$crate::event::Bus>,
            ) -> Self {
                $new(name, config.resolve(), $crate::event::Emitter::new(bus))
            }

            fn name(&self) -> &$crate::error::Name {
                &self.name
            }

            fn emitter(&self) -> &$crate::event::Emitter {
                &self.source
            }

            fn runs(&self) -> $crate::event::Runs {
                let count: fn(&Self) -> $crate::event::Runs = $runs;
                count(self)
            }

            fn policies(registry: &$crate::registry::Registry) -> &$crate::registry::Policies<Self> {
                registry.$kept()
            }

            fn site(layer: &'static $crate::registry::Layer) -> Option<&'static $site> {
                match layer {
                    $crate::registry::Layer::$layer(site) => Some(site),
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use registered;
