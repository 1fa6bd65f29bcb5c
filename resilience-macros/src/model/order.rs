//! Which attributes can stand above one function, and in which order.

use resilience_config::wrong_orders;
use syn::Error;

use crate::{error::Errors, syntax::Ours};

/// Reports an attribute that is there twice, and an order in which one of the policies cannot do its job.
pub(super) fn check(ours: &[Ours], errors: &mut Errors) {
    let names: Vec<&str> = ours.iter().map(|attribute| attribute.kind.name()).collect();
    for (position, message) in wrong_orders(&names) {
        errors.push(Error::new(ours[position].span, message));
    }
}
