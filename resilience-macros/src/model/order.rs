//! Which attributes can stand above one function, and in which order.

use syn::Error;

use crate::{
    error::Errors,
    syntax::{Kind, Ours},
};

/// Reports an attribute that is there twice, and an order in which one of the policies cannot do its job.
pub(super) fn check(ours: &[Ours], errors: &mut Errors) {
    for (position, attribute) in ours.iter().enumerate() {
        check_twice(&ours[..position], attribute, errors);
    }
    check_timeout_above_breaker(ours, errors);
}

fn check_twice(above: &[Ours], attribute: &Ours, errors: &mut Errors) {
    let mut same = above.iter().enumerate().filter(|(_, other)| other.kind == attribute.kind);
    let Some((first, _)) = same.next() else { return };
    let has_retry_between = above[first..].iter().any(|other| other.kind == Kind::Retry);
    let name = attribute.kind.name();
    let message = match attribute.kind {
        Kind::Timeout if has_retry_between && same.next().is_none() => return,
        Kind::Timeout => {
            "`timeout` is already applied to this function; a second one is only useful on the other side of a \
            `retry`: above it, a timeout limits all attempts together, below it, each of them"
                .to_owned()
        }
        Kind::Fallback => {
            "`fallback` is already applied to this function; write one `#[fallback(first, second)]`, which \
            tries them in turn"
                .to_owned()
        }
        _ => format!("`{name}` is already applied to this function; merge the keys of both into one `#[{name}]`"),
    };
    errors.push(Error::new(attribute.span, message));
}

/// The breaker would see nothing but cancelled calls, which are in no rate.
fn check_timeout_above_breaker(ours: &[Ours], errors: &mut Errors) {
    let is = |kind: Kind| move |other: &Ours| other.kind == kind;
    let Some(breaker) = ours.iter().position(is(Kind::CircuitBreaker)) else { return };
    let Some(timeout) = ours[..breaker].iter().position(is(Kind::Timeout)) else { return };
    if ours[breaker..].iter().any(is(Kind::Timeout)) {
        return;
    }
    let or_both = match ours[timeout..].iter().any(is(Kind::Retry)) {
        true => ", or add a second `#[timeout]` there and keep this one for all attempts together",
        false => "",
    };
    let message = format!(
        "this `timeout` is above `circuit_breaker`, which would see only cancelled calls, so a dependency that hangs would \
        never open it; move `#[timeout]` below `#[circuit_breaker]`{or_both}"
    );
    errors.push(Error::new(ours[timeout].span, message));
}
