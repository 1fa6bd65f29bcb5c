//! What is written outside of the program, by kind of policy.

use super::error::Mistake;
use crate::kind::Kind;
use crate::overlay::{Location, Table};
use resilience_config::{Configurable, Value, Written, find_key, listed, nearest, unknown_key};
use std::collections::BTreeMap;

/// Beside the kinds of policies: whether what failures say may be told.
pub(super) const CAUSES: &str = "causes";

/// Beside the keys of a breaker: not configured but done, for as long as it is written.
pub(super) const FORCE_OPEN: &str = "force_open";

/// A key of some kind, and what it says.
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) key_at: Location,
    pub(super) written: Written<'a>,
    pub(super) value_at: Location,
}

/// A table with nothing in it.
pub(super) fn empty<C: Configurable>(at: Location) -> Table<C> {
    Table { keys: C::nothing(), force_open: None, locations: Vec::new(), of_keys: BTreeMap::new(), at }
}

/// What is said of a kind that there is not, where it is `meant` to be one of those that are `known`.
pub(super) fn no_such_kind(written: &str, meant: &str, known: &[&str]) -> String {
    let instead = match nearest(meant, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("expected {}", listed(known)),
    };
    format!("unknown kind of policy `{written}`; {instead}")
}

/// Why a key cannot be set at all; the key's row otherwise.
pub(super) fn no_such_key<C: Configurable>(kind: Kind, key: &str) -> String {
    if C::OF_THE_PROGRAM.contains(&key) {
        return format!("`{key}` can only be set in the program");
    }
    let steered = (kind == Kind::CircuitBreaker).then_some(FORCE_OPEN);
    let known: Vec<&str> = C::KEYS.iter().map(|key| key.name).chain(steered).collect();
    unknown_key(kind.as_str(), key, &known)
}

/// The key under whose name single keys of a policy have tables of their own: `[circuit_breaker.NAME.key."3"]`.
pub(super) const KEY: &str = "key";

/// Whether policies of this kind have keys.
pub(super) fn has_keys<C: Configurable>() -> bool {
    C::OF_THE_PROGRAM.contains(&KEY)
}

/// Puts one key into a table.
pub(super) fn put<C: Configurable>(kind: Kind, table: &mut Table<C>, entry: Entry<'_>) -> Result<(), Mistake> {
    let Entry { key, key_at, written, value_at } = entry;
    let refused = |message: String| Mistake::new(&value_at, Some(key), message);
    let name = if kind == Kind::CircuitBreaker && key == FORCE_OPEN {
        table.force_open = Some(bool::read(key, &written).map_err(refused)?);
        FORCE_OPEN
    } else {
        let Some(row) = find_key::<C>(key) else {
            return Err(Mistake::new(&key_at, Some(key), no_such_key::<C>(kind, key)));
        };
        (row.read)(&mut table.keys, &written).map_err(refused)?;
        row.name
    };
    table.locations.push((name, value_at));
    Ok(())
}

/// The rules that a table breaks by itself, whatever it is laid over.
pub(super) fn check_alone<C: Configurable>(table: &Table<C>, mistakes: &mut Vec<Mistake>) {
    for error in table.keys.broken_rules() {
        let other_is_here = error.other.is_none_or(|other| table.location(other).is_some());
        if let Some(location) = table.location(error.key).filter(|_| other_is_here) {
            mistakes.push(Mistake::new(location, Some(error.key), error.message));
        }
    }
}
