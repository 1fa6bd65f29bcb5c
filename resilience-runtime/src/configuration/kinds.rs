//! Laying what is written outside over what the program says of one kind: checked first, then put in force.

use super::error::{Change, ConfigWarning, Mistake};
use crate::error::Name;
use crate::event::{Audience, Event, Topic, Untold};
use crate::registry::{Layers, Named, Place, Policies, Policy, in_variable};
use crate::time::Timestamp;
use resilience_config::{Configurable, find_key, nearest};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// For so many unknown names the nearest known one is looked for.
const NEAREST_SOUGHT: usize = 100;

/// The environment goes before the file.
pub(super) fn combined<C: Configurable>(file: &Layers<C>, environment: &Layers<C>) -> Layers<C> {
    Layers { variables: environment.variables.clone(), ..file.clone() }
}

/// Every policy that exists or will when its function is called, by name, with what the program says of it.
fn known<P: Policy>(policies: &Policies<P>) -> BTreeMap<Name, P::Keys> {
    let mut known: BTreeMap<_, _> = policies.expected().map(|(name, site)| (name, *P::keys(site.config()))).collect();
    // Of one that exists, a builder may have had the word.
    known.extend(policies.existing().iter().map(|named| (named.policy.name().clone(), *P::keys(&named.config))));
    known
}

/// Everything that is wrong or odd with the layers, beside what is wrong with a table by itself.
pub(super) fn check<P: Policy>(
    policies: &Policies<P>,
    layers: &Layers<P::Keys>,
    mistakes: &mut Vec<Mistake>,
    warnings: &mut Vec<ConfigWarning>,
) {
    let known = known(policies);
    for (name, base) in &known {
        check_merged::<P>(name, base, layers, mistakes);
        check_patterns::<P>(name, layers, mistakes);
    }
    check_variables::<P>(known.keys(), layers, mistakes);
    unknown_names::<P>(known.keys(), layers, warnings);
    for (name, site) in policies.expected() {
        never_waits::<P>(&name, &known[&name], site, layers, warnings);
    }
}

/// The rules, over what would be in force.
fn check_merged<P: Policy>(name: &Name, base: &P::Keys, layers: &Layers<P::Keys>, mistakes: &mut Vec<Mistake>) {
    let broken = layers.lay(name, base).broken_rules();
    if broken.is_empty() {
        return;
    }
    let about = layers.about(name);
    let place = |key: &str| about.iter().copied().chain(&layers.defaults).find_map(|table| table.place(key));
    let outside = |key: &str| place(key).filter(|_| !is_of_the_program(base, key) || over(&about, key));
    for error in broken {
        // The key that is wrong, or else the one that it does not go with; or else whichever table is about it.
        let blamed = outside(error.key).map(|place| (place, error.key));
        let blamed = blamed.or_else(|| error.other.and_then(|other| Some((outside(other)?, other))));
        let table = about.first().copied().or(layers.defaults.as_ref());
        let Some((place, key)) = blamed.or_else(|| Some((&table?.at, error.key))) else { continue };
        let message = format!("{} ({} `{name}`, with what the program says of it)", error.message, P::KIND);
        push_new(mistakes, Mistake::new(place, Some(key), message));
    }
}

/// One mistake is enough of what stands in one place.
fn push_new(mistakes: &mut Vec<Mistake>, mistake: Mistake) {
    if !mistakes.iter().any(|known| known.position == mistake.position && known.source == mistake.source) {
        mistakes.push(mistake);
    }
}

fn is_of_the_program<C: Configurable>(base: &C, key: &str) -> bool {
    find_key::<C>(key).is_some_and(|key| (key.is_written)(base))
}

fn over<C: Configurable>(about: &[&crate::registry::Table<C>], key: &str) -> bool {
    about.iter().any(|table| table.place(key).is_some())
}

/// Of two patterns that are as specific as each other, none goes before the other.
fn check_patterns<P: Policy>(name: &Name, layers: &Layers<P::Keys>, mistakes: &mut Vec<Mistake>) {
    let matching: Vec<_> = layers.patterns.iter().filter(|(pattern, _)| pattern.matches(name)).collect();
    if matching.len() < 2 {
        return;
    }
    let about = layers.about(name);
    for (nth, (one, first)) in matching.iter().enumerate() {
        let as_specific =
            matching[nth + 1..].iter().filter(|(other, _)| other.literal_characters() == one.literal_characters());
        for (other, second) in as_specific {
            // Where something stronger has the word, neither of them is heard.
            let decides = |key: &str| {
                about.iter().find(|table| table.place(key).is_some()).is_some_and(|table| std::ptr::eq(*table, first))
            };
            let both = first.places.iter().find(|(key, _)| second.place(key).is_some() && decides(key));
            let Some((place, key)) = both.and_then(|(key, _)| Some((second.place(key)?, key))) else { continue };
            let message = format!(
                "`{one}` and `{other}` both match `{name}` and say `{key}`, and neither is more specific; leave one of them out"
            );
            push_new(mistakes, Mistake::new(place, Some(key), message));
        }
    }
}

/// A variable cannot tell apart names that differ in case and punctuation alone.
fn check_variables<'a, P: Policy>(
    names: impl Iterator<Item = &'a Name>,
    layers: &Layers<P::Keys>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut meant: HashMap<String, &Name> = HashMap::new();
    if layers.variables.is_empty() {
        return;
    }
    for name in names {
        let variable = in_variable(name);
        let Some(table) = layers.variables.get(&variable) else { continue };
        if let Some(other) = meant.insert(variable, name) {
            let message = format!("it means both the {} `{other}` and `{name}`; name them in a file", P::KIND);
            mistakes.push(Mistake::new(&table.at, None, message));
        }
    }
}

fn unknown_names<'a, P: Policy>(
    names: impl Iterator<Item = &'a Name>,
    layers: &Layers<P::Keys>,
    warnings: &mut Vec<ConfigWarning>,
) {
    let known: Vec<&str> = names.map(Name::as_str).collect();
    let mut unknown: Vec<(&Place, &str)> = Vec::new();
    let by_name = layers.exact.iter().filter(|(name, _)| known.binary_search(&name.as_str()).is_err());
    unknown.extend(by_name.map(|(name, table)| (&table.at, name.as_str())));
    let matches_none = |pattern: &crate::Pattern| !known.iter().any(|name| pattern.matches(name));
    let by_pattern = layers.patterns.iter().filter(|(pattern, _)| matches_none(pattern));
    unknown.extend(by_pattern.map(|(pattern, table)| (&table.at, pattern.as_str())));
    unknown.sort_by_key(|(place, _)| place.position());
    let mut sought = 0;
    let mut warn = |place: &Place, name: &str, meant: &str, candidates: &[&str]| {
        sought += 1;
        let nearest = if sought <= NEAREST_SOUGHT { nearest(meant, candidates) } else { None };
        warnings.push(ConfigWarning::UnknownName {
            place: place.to_string(),
            kind: P::KIND,
            name: name.to_owned(),
            nearest: nearest.map(str::to_owned),
        });
    };
    unknown.iter().for_each(|(place, name)| warn(place, name, name, &known));
    if layers.variables.is_empty() {
        return;
    }
    let in_variables: Vec<String> = known.iter().map(|name| in_variable(name)).collect();
    let in_variables: Vec<&str> = in_variables.iter().map(String::as_str).collect();
    let mut unknown: Vec<_> =
        layers.variables.iter().filter(|(name, _)| !in_variables.contains(&name.as_str())).collect();
    unknown.sort_by_key(|(name, _)| name.as_str());
    // One in small letters is the same word to whoever wrote it.
    unknown.iter().for_each(|(name, table)| warn(&table.at, name, &in_variable(name), &in_variables));
}

/// A key that lets callers wait, at a function that was compiled not to.
fn never_waits<P: Policy>(
    name: &Name,
    base: &P::Keys,
    site: &'static crate::registry::Site<P>,
    layers: &Layers<P::Keys>,
    warnings: &mut Vec<ConfigWarning>,
) {
    let Some(key) = P::WAITS_WITH.and_then(find_key::<P::Keys>) else { return };
    let joins = site.name().is_some() && !site.is_configured();
    let Some(show) = key.show else { return };
    if joins
        || (key.is_written)(P::keys(site.config()))
        || show(&layers.lay(name, base).settings()) == show(&base.settings())
    {
        return;
    }
    let tables = layers.about(name).into_iter().chain(&layers.defaults);
    if let Some(place) = tables.into_iter().find_map(|table| table.place(key.name)) {
        let (place, function) = (place.to_string(), site.operation().place());
        warnings.push(ConfigWarning::NeverWaits { place, key: key.name, function });
    }
}

/// What is to be told once nothing is locked any more.
pub(super) struct Told<'a> {
    pub(super) source: &'a Name,
    pub(super) audience: Audience,
    pub(super) untold: &'a mut Untold,
    /// What could not be put in force.
    pub(super) refused: &'a mut Vec<String>,
}

/// Puts the layers in force. What they do not go together with, because a builder has registered it since they were checked, stays as it is and is
/// refused.
pub(super) fn apply<P: Policy>(
    policies: &Policies<P>,
    layers: Layers<P::Keys>,
    told: &mut Told<'_>,
    changes: &mut Vec<Change>,
) {
    let layers = Arc::new(layers);
    // First for those that are built from now on.
    let before = policies.replace_layers(Arc::clone(&layers));
    let mut existing = policies.existing();
    existing.sort_by(|a, b| a.policy.name().cmp(b.policy.name()));
    for Named { policy, config, .. } in existing {
        let (name, base) = (policy.name(), P::keys(&config));
        let next = layers.lay(name, base);
        let (was, is) = (before.lay(name, base).settings(), next.settings());
        let changed = |key: &&resilience_config::Key<P::Keys>| key.show.is_some_and(|show| show(&was) != show(&is));
        let mut keys: Vec<_> = P::Keys::KEYS.iter().filter(changed).map(|key| key.name).collect();
        let (was_forced, is_forced) = (before.force_open(name), layers.force_open(name));
        if keys.is_empty() && was_forced == is_forced {
            continue;
        }
        let mut waiting = 0;
        let mut turn = policy.emitter().turn_told(told.audience);
        if !keys.is_empty() {
            match policy.put_in_force(next, &mut turn) {
                Ok(room) => waiting = room,
                Err(error) => {
                    told.refused.push(format!("{} `{name}`: {error}; it stays as it is", P::KIND));
                    continue;
                }
            }
        }
        if was_forced != is_forced {
            policy.set_forced_open(is_forced, &mut turn);
            keys.push(super::tables::FORCE_OPEN);
        }
        turn.push_cause(Topic::Reconfigured, policy.generation(), |order| {
            let (name, keys, source) = (name.clone(), keys.clone(), Some(told.source.clone()));
            Event::Reconfigured { kind: P::KIND, name, keys, source, by: None, at: Timestamp::now(), order }
        });
        changes.push(Change { kind: P::KIND, name: name.clone(), keys });
        told.untold.append(turn.end(|| Some(policy.runs())));
        if waiting > 0 {
            told.untold.and(move || policy.go_on(waiting));
        }
    }
}
