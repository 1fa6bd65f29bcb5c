//! What all const builders share. Traits have no const functions yet, and several of `Option`'s are not const.

/// `Option::unwrap_or`
macro_rules! or {
    ($value:expr, $default:expr) => {
        match $value {
            Some(value) => value,
            None => $default,
        }
    };
}

/// The ways to check a configuration that has bounds and `contradictions`, and to compare two by what they `resolve` to.
macro_rules! checked {
    ($config:ty) => {
        impl $config {
            /// Every rule that is broken. A value outside its own bounds breaks no combination as well.
            #[doc(hidden)]
            #[must_use]
            pub fn violations(&self) -> Vec<BrokenRule> {
                self.out_of_bounds().into_iter().chain(self.contradictions()).flatten().collect()
            }

            /// Refuses a configuration that breaks a rule.
            ///
            /// # Errors
            ///
            /// Every rule that is broken.
            pub fn validate(&self) -> Result<(), $crate::ConfigError> {
                $crate::ConfigError::unless_none(self.violations())
            }

            /// The first rule that is broken, for a constant.
            #[doc(hidden)]
            pub const fn check(&self) -> Result<(), BrokenRule> {
                match BrokenRule::first(&self.out_of_bounds()) {
                    Ok(()) => BrokenRule::first(&self.contradictions()),
                    error => error,
                }
            }

            /// The same configuration, for the initialiser of a constant or a static.
            ///
            /// # Panics
            ///
            /// With the sentence of the first rule that is broken. In a constant that is an error of the compiler's.
            #[doc(hidden)]
            #[track_caller]
            pub const fn validated(self) -> Self {
                match self.check() {
                    Ok(()) => self,
                    Err(error) => panic!("{}", error.message),
                }
            }
        }

        impl Default for $config {
            fn default() -> Self {
                Self::new()
            }
        }

        /// By meaning, whether by default or in writing.
        impl PartialEq for $config {
            fn eq(&self, other: &Self) -> bool {
                self.resolve() == other.resolve()
            }
        }
    };
}
