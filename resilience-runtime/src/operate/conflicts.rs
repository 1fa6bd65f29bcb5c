//! Places that configure one name differently, found before anything was called.

use crate::kind::Kind;
use crate::policy::Definition;
use crate::registry::{EachKind, Kept, KeyValue, Operation, Registry, Site, for_each_kind, registry, resolved, sites};
use std::collections::HashMap;
use std::fmt;

/// Every two places of the program that configure one name differently. See [`Registry::verify`].
#[derive(Clone, PartialEq)]
pub struct Conflicts {
    conflicts: Vec<Conflict>,
}

/// Two places that configure one name differently.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Conflict {
    /// The kind of policy.
    pub kind: Kind,
    /// The name that both configure.
    pub name: &'static str,
    /// The function whose attribute is in force: the first by crate, file and line.
    pub in_force: &'static Operation,
    /// The function whose attribute is not heard.
    pub not_in_force: &'static Operation,
    /// The keys in which they differ; never empty.
    pub differences: Vec<Difference>,
}

/// A key that has one value in one place and another in another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The key.
    pub key: &'static str,
    /// Its value where it is in force, as one would write it; of `trip_if`, the rule's tokens.
    pub in_force: String,
    /// Its value in the other place.
    pub not_in_force: String,
}

impl Registry {
    /// Whether all places of the program that configure one name agree, found without calling any of them.
    ///
    /// Compared are the instance keys of attributes, by what they mean: a default that is written out is equal to one that is
    /// not. An attribute that only names a policy joins it and configures nothing, and a name that nothing configures has the
    /// defaults. Where several places disagree with the one in force, each of them is a [`Conflict`].
    ///
    /// In a test, [`assert_verified`] says it in one line.
    ///
    /// ```
    /// # use resilience_runtime::registry;
    /// if let Err(conflicts) = registry().verify() {
    ///     eprintln!("{conflicts}");
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The conflicts, by kind and name.
    pub fn verify(&self) -> Result<(), Conflicts> {
        let mut found = Found(Vec::new());
        for_each_kind(&mut found);
        let Found(conflicts) = found;
        if conflicts.is_empty() { Ok(()) } else { Err(Conflicts { conflicts }) }
    }
}

/// Asserts that no two places of the program configure one name differently. It is the whole body of a test, such as
/// `#[test] fn policies_agree() { … }`:
///
/// ```
/// resilience_runtime::assert_verified();
/// ```
///
/// # Panics
///
/// With the conflicts that [`Registry::verify`] finds.
#[track_caller]
pub fn assert_verified() {
    if let Err(conflicts) = registry().verify() {
        panic!("{conflicts}");
    }
}

struct Found(Vec<Conflict>);

impl EachKind for Found {
    fn kind<P: Kept>(&mut self) {
        let Self(conflicts) = self;
        let mut first: HashMap<&'static str, &'static Site<P>> = HashMap::new();
        let begin = conflicts.len();
        for site in sites::<P>().filter(|site| site.is_configured()) {
            let Some(name) = site.name() else { continue };
            let in_force = *first.entry(name).or_insert(site);
            if in_force.definition() != site.definition() {
                conflicts.push(Conflict {
                    kind: P::KIND,
                    name,
                    in_force: in_force.operation(),
                    not_in_force: site.operation(),
                    differences: differences(in_force.definition(), site.definition()),
                });
            }
        }
        conflicts[begin..].sort_by_key(|conflict| conflict.name);
    }
}

fn differences<P: Kept>(in_force: &Definition<P>, not_in_force: &Definition<P>) -> Vec<Difference> {
    let pairs = settings(in_force).into_iter().zip(settings(not_in_force));
    pairs
        .filter(|(ours, theirs)| ours != theirs)
        .map(|(ours, theirs)| Difference { key: ours.key, in_force: ours.value, not_in_force: theirs.value })
        .collect()
}

/// The same keys in the same order for every definition.
fn settings<P: Kept>(definition: &Definition<P>) -> Vec<KeyValue> {
    let mut settings = resolved(&definition.keys);
    let rule = definition.rule.as_ref().and_then(P::rule_text).unwrap_or("none").to_owned();
    settings.push(KeyValue { key: "trip_if", value: rule });
    settings
}

impl Conflicts {
    /// One by one, by kind and name.
    pub fn iter(&self) -> std::slice::Iter<'_, Conflict> {
        self.conflicts.iter()
    }
}

impl<'c> IntoIterator for &'c Conflicts {
    type Item = &'c Conflict;
    type IntoIter = std::slice::Iter<'c, Conflict>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Conflict {
    fn eq(&self, other: &Self) -> bool {
        // Which place is in force follows from the name.
        self.kind == other.kind && self.name == other.name && std::ptr::eq(self.not_in_force, other.not_in_force)
    }
}

impl std::error::Error for Conflicts {}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for conflict in self {
            writeln!(f, "{conflict}")?;
        }
        f.write_str("write the keys in one place and only the name in the others, or give one of them another name")
    }
}

/// As [`Display`](fmt::Display), since this is what `unwrap` shows.
impl fmt::Debug for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, in_force, not_in_force, differences } = self;
        let list = |value: fn(&Difference) -> &str| {
            let values = differences.iter().map(|difference| format!("{} = {}", difference.key, value(difference)));
            values.collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "two places configure the {kind} `{name}` differently:")?;
        let (ours, theirs) = (list(|difference| &difference.in_force), list(|difference| &difference.not_in_force));
        writeln!(f, "  {} ({}) is in force, with {ours}", in_force.location(), in_force.path())?;
        write!(f, "  {} ({}) is not, with {theirs}", not_in_force.location(), not_in_force.path())
    }
}
