//! What the registry and generated code need to know of a policy whose configuration is all that it is made of, written once.

/// A site at a guarded function, and the policy's place in the registry.
macro_rules! registered {
    (
        $(#[$doc:meta])*
        $site:ident: $policy:ident by $config:ident as $kind:literal;
        layer: $layer:ident, kept: $kept:ident,
        new: $new:expr, in_force: $in_force:expr,
        waits_with: $waits_with:expr,
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

        impl $policy {
            pub(crate) fn reconfigure_by(
                &self,
                config: $config,
                by: Option<$crate::event::Steering>,
            ) -> Result<(), resilience_config::ConfigError> {
                self.put(config)?;
                self.source.reconfigured(self, by);
                Ok(())
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

            fn put_in_force(&self, keys: $config) -> Result<(), resilience_config::ConfigError> {
                self.put(keys)
            }

            fn from_config(
                name: $crate::error::Name,
                config: &$config,
                bus: std::sync::Arc<$crate::event::Bus>,
            ) -> Self {
                $new(name, config.resolve(), $crate::event::Source::new(bus))
            }

            fn name(&self) -> &$crate::error::Name {
                &self.name
            }

            fn enter_registry(&self) {
                self.source.enter_registry();
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
