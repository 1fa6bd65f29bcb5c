//! What is kept, checked, said or told of every kind goes through here: a kind that is not in the list does not compile.

use super::key_value::KeyValue;
use super::list::each_kind;
use super::operation::{Layer, Operation, Site};
use crate::kind::Kind;
use crate::name::Name;
use crate::policy::Policy;

/// What there is one of for each kind: the policies themselves, or what a file says of them.
pub trait Family {
    type Of<P: Kept>: Default;
}

/// A kind that the registry keeps.
pub trait Kept: Policy {
    /// Its own one of a family.
    fn pick<F: Family>(each: &OfEachKind<F>) -> &F::Of<Self>;

    fn pick_mut<F: Family>(each: &mut OfEachKind<F>) -> &mut F::Of<Self>;

    /// Its site, where the layer is one of this kind.
    fn site(layer: &'static Layer) -> Option<&'static Site<Self>>;
}

/// The same for every kind.
pub(crate) trait EachKind {
    fn kind<P: Kept>(&mut self);
}

macro_rules! kinds {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {
        /// One of a family for each kind; [`Kept::pick`] finds that of a kind.
        pub struct OfEachKind<F: Family> {
            $(pub(crate) $field: F::Of<crate::$policy>,)*
        }

        impl<F: Family> Default for OfEachKind<F> {
            fn default() -> Self {
                Self { $($field: Default::default(),)* }
            }
        }

        impl<F: Family> Clone for OfEachKind<F>
        where
            $(F::Of<crate::$policy>: Clone,)*
        {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)* }
            }
        }

        $(impl Kept for crate::$policy {
            fn pick<F: Family>(each: &OfEachKind<F>) -> &F::Of<Self> {
                &each.$field
            }

            fn pick_mut<F: Family>(each: &mut OfEachKind<F>) -> &mut F::Of<Self> {
                &mut each.$field
            }

            fn site(layer: &'static Layer) -> Option<&'static Site<Self>> {
                if let Layer::$kind(site) = layer { Some(site) } else { None }
            }
        })*

        pub(crate) fn for_each_kind(each: &mut impl EachKind) {
            $(each.kind::<crate::$policy>();)*
        }

        /// For that kind alone. A fallback is in no registry.
        pub(crate) fn for_kind(kind: Kind, each: &mut impl EachKind) {
            match kind {
                $(Kind::$kind => each.kind::<crate::$policy>(),)*
                Kind::Fallback => {}
            }
        }

        impl Layer {
            /// Which attribute it is.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                    Self::Fallback(_) => Kind::Fallback,
                }
            }

            /// A fallback has none.
            pub(super) fn site(&self) -> Option<&'static dyn AnySite> {
                match self {
                    $(Self::$kind(site) => Some(*site),)*
                    Self::Fallback(_) => None,
                }
            }
        }

        /// The kinds that the registry keeps.
        #[cfg(feature = "config")]
        pub(crate) const KINDS: &[Kind] = &[$(Kind::$kind),*];
    };
}

/// What a site answers, whatever its kind is.
pub(super) trait AnySite {
    fn name(&self) -> Option<&'static str>;
    fn policy(&'static self) -> Name;
    fn written(&self) -> Vec<KeyValue>;
    fn settings(&'static self) -> Vec<KeyValue>;
    fn configured_at(&'static self) -> Option<&'static Operation>;
    fn shared_by(&'static self) -> usize;
}

each_kind!(kinds!);
