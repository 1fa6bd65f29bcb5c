//! What one attribute of a guarded function says, and which policy it leads to.

use super::collected::in_order;
use super::key_value::{self, KeyValue};
use super::kinds::{AnySite, Kept};
use super::operation::{Layer, Operation, Site};
use super::site::sites;
use crate::kind::Kind;
use crate::name::Name;
use once_cell::sync::Lazy;
use std::collections::HashMap;
use std::fmt;

impl Layer {
    /// The name, where one was given.
    pub fn name(&self) -> Option<&'static str> {
        self.site()?.name()
    }

    /// The name under which the registry has the policy: its own or that of the function. A fallback is no policy of the registry.
    pub fn policy(&'static self) -> Option<Name> {
        Some(self.site()?.policy())
    }

    /// The instance keys that the attribute writes, and of a circuit breaker its `trip_if`. The keys that belong to the function (`failure_if`, `key`,
    /// `on_retry` and their likes) are not among them.
    pub fn written(&self) -> Vec<KeyValue> {
        self.site().map(AnySite::written).unwrap_or_default()
    }

    /// Every key with the value that the attributes of the program give it, by default or in writing: those of the place that configures the name.
    pub fn settings(&'static self) -> Vec<KeyValue> {
        self.site().map(AnySite::settings).unwrap_or_default()
    }

    /// The function that configures the policy: another one where this attribute only names it. `None` where nobody does.
    pub fn configured_at(&'static self) -> Option<&'static Operation> {
        self.site()?.configured_at()
    }

    /// How many functions have this policy around them: more than one only by its name.
    pub fn shared_by(&'static self) -> usize {
        self.site().map_or(1, AnySite::shared_by)
    }
}

impl<P: Kept> AnySite for Site<P> {
    fn name(&self) -> Option<&'static str> {
        self.name()
    }

    fn policy(&'static self) -> Name {
        self.shown_name()
    }

    fn written(&self) -> Vec<KeyValue> {
        let mut written = key_value::written(&self.definition().keys);
        let rule = self.definition().rule.as_ref().and_then(P::rule_text);
        written.extend(rule.map(|rule| KeyValue { key: "trip_if", value: rule.to_owned() }));
        written
    }

    fn settings(&'static self) -> Vec<KeyValue> {
        key_value::resolved(&self.configuring().unwrap_or(self).definition().keys)
    }

    fn configured_at(&'static self) -> Option<&'static Operation> {
        self.configuring().map(Self::operation)
    }

    fn shared_by(&'static self) -> usize {
        match self.name() {
            Some(name) => sites::<P>().filter(|other| other.name() == Some(name)).count(),
            None => 1,
        }
    }
}

/// As one would write the attribute, without its `#[…]`.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Fallback(fallback) = self {
            return write!(f, "fallback({})", fallback.path);
        }
        f.write_str(self.kind().as_str())?;
        let name = self.name().map(|name| format!("name = {name:?}"));
        let written: Vec<_> = name.into_iter().chain(self.written().iter().map(KeyValue::to_string)).collect();
        if written.is_empty() { Ok(()) } else { write!(f, "({})", written.join(", ")) }
    }
}

impl Operation {
    /// Its policies, each by kind and the name by which it is shown.
    pub(crate) fn policies(&'static self) -> impl Iterator<Item = (Kind, Name)> {
        self.layers().iter().filter_map(|layer| Some((layer.kind(), layer.policy()?)))
    }
}

/// `module::function` of the one guarded function that has the policy of that kind and name; `None` where there is none, or several.
pub(super) fn operation_of(kind: Kind, name: &Name) -> Option<Name> {
    type Owners = HashMap<(Kind, Name), Option<Name>>;
    static OWNERS: Lazy<Owners> = Lazy::new(|| {
        let mut owners = Owners::new();
        for operation in in_order() {
            let owner = Name::from(operation.shown_as());
            for policy in operation.policies() {
                // Twice in one function, it is still that function's.
                owners
                    .entry(policy)
                    .and_modify(|known| _ = known.take_if(|known| *known != owner))
                    .or_insert_with(|| Some(owner.clone()));
            }
        }
        owners
    });
    OWNERS.get(&(kind, name.clone())).cloned().flatten()
}
