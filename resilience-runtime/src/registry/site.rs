//! What the attributes of the program say of a name, before anything was called.

use super::collected::{in_order, operation_of};
use super::kinds::Kept;
use super::operation::{Operation, Site};
use crate::name::Name;
use crate::overlay::Origin;
use crate::policy::Definition;

/// Every attribute of this kind, by crate, file and line of its function.
pub(crate) fn sites<P: Kept>() -> impl Iterator<Item = &'static Site<P>> {
    in_order().iter().flat_map(|operation| operation.layers()).filter_map(P::site)
}

/// Every place that configures this name, by crate, file and line.
pub(super) fn configured_sites<P: Kept>(name: &str) -> impl Iterator<Item = &'static Site<P>> {
    sites::<P>().filter(move |site| site.is_configured() && site.name() == Some(name))
}

impl<P: Kept> Site<P> {
    /// The guarded function.
    pub fn operation(&'static self) -> &'static Operation {
        operation_of(self)
    }

    /// What the attribute says, and that it was the attribute.
    pub(super) fn origin(&'static self) -> (Definition<P>, Origin) {
        let (file, line) = (self.operation().file(), self.operation().line());
        (*self.definition(), Origin::Attribute { file, line })
    }

    /// The name of its policy, given or not.
    pub(crate) fn shown_name(&'static self) -> Name {
        self.name().map_or_else(|| Name::from(self.shown_as()), Name::from)
    }

    /// A function's name, and which of its policies of this kind where it has two (a timeout above and below a retry).
    pub(super) fn shown_as(&'static self) -> String {
        let operation = self.operation();
        let before =
            operation.layers().iter().filter_map(P::site).take_while(|other| !std::ptr::eq(*other, self)).count();
        match before {
            0 => operation.shown_as(),
            _ => format!("{}#{}", operation.shown_as(), before + 1),
        }
    }

    /// The attribute that configures what this one leads to; `None` where nobody does.
    pub(super) fn configuring(&'static self) -> Option<&'static Self> {
        match self.name() {
            Some(name) => configured_sites(name).next(),
            None => Some(self).filter(|site| site.is_configured()),
        }
    }
}
