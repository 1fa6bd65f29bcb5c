//! What one attribute of a guarded function says, and which policy it leads to.

use super::key_value::{self, KeyValue};
use super::operation::{self, Layer};
use super::policies::{Policy, configured_sites};
use super::{Operation, Site};
use crate::error::Name;
use std::fmt;

/// Does the same with the site of any kind of policy; of a fallback, something else.
macro_rules! of_site {
    ($layer:expr, $site:ident => $then:expr, $path:ident => $of_fallback:expr) => {
        match $layer {
            Layer::CircuitBreaker($site) => $then,
            Layer::Retry($site) => $then,
            Layer::Timeout($site) => $then,
            Layer::Bulkhead($site) => $then,
            Layer::RateLimit($site) => $then,
            Layer::Fallback($path) => $of_fallback,
        }
    };
}

impl Layer {
    /// As the attribute is called.
    pub fn kind(&self) -> &'static str {
        of_site!(self, site => kind(site), _path => "fallback")
    }

    /// The name, where one was given.
    pub fn name(&self) -> Option<&'static str> {
        of_site!(self, site => site.name(), _path => None)
    }

    /// The name under which the registry has the policy: its own or that of the function. A fallback is no policy of the registry.
    pub fn policy(&'static self) -> Option<Name> {
        of_site!(self, site => Some(site.shown_name()), _path => None)
    }

    /// The instance keys that the attribute writes, and of a circuit breaker its `trip_if`. The keys that belong to the function (`failure_if`, `key`,
    /// `on_retry` and their likes) are not among them.
    pub fn written(&self) -> Vec<KeyValue> {
        of_site!(self, site => written(site), _path => Vec::new())
    }

    /// Every key with the value that the attributes of the program give it, by default or in writing: those of the place that configures the name.
    pub fn settings(&'static self) -> Vec<KeyValue> {
        of_site!(self, site => settings(site), _path => Vec::new())
    }

    /// The function that configures the policy: another one where this attribute only names it. `None` where nobody does.
    pub fn configured_at(&'static self) -> Option<&'static Operation> {
        of_site!(self, site => configuring(site).map(Site::operation), _path => None)
    }

    /// How many functions have this policy around them: more than one only by its name.
    pub fn shared_by(&'static self) -> usize {
        of_site!(self, site => shared_by(site), _path => 1)
    }
}

fn kind<P: Policy>(_: &Site<P>) -> &'static str {
    P::KIND
}

fn written<P: Policy>(site: &Site<P>) -> Vec<KeyValue> {
    let mut written = key_value::written(P::keys(site.config()));
    written.extend(P::rule(site.config()).map(|rule| KeyValue { key: "trip_if", value: rule.to_owned() }));
    written
}

/// The attribute that configures what this one leads to; `None` where nobody does.
pub(super) fn configuring<P: Policy>(site: &'static Site<P>) -> Option<&'static Site<P>> {
    match site.name() {
        Some(name) => configured_sites(name).next(),
        None => Some(site).filter(|site| site.is_configured()),
    }
}

fn settings<P: Policy>(site: &'static Site<P>) -> Vec<KeyValue> {
    key_value::resolved(P::keys(configuring(site).unwrap_or(site).config()))
}

fn shared_by<P: Policy>(site: &'static Site<P>) -> usize {
    match site.name() {
        Some(name) => operation::sites::<P>().filter(|other| other.name() == Some(name)).count(),
        None => 1,
    }
}

/// As one would write the attribute, without its `#[…]`.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Fallback(path) = self {
            return write!(f, "fallback({path})");
        }
        f.write_str(self.kind())?;
        let name = self.name().map(|name| format!("name = {name:?}"));
        let written: Vec<_> = name.into_iter().chain(self.written().iter().map(KeyValue::to_string)).collect();
        if written.is_empty() { Ok(()) } else { write!(f, "({})", written.join(", ")) }
    }
}
