//! Laying what is written outside over what the program says of one kind: checked first, then put in force.

use super::error::{Change, ConfigWarning, Mistake};
use super::tables::has_keys;
use crate::event::{Audience, Event, Topic, Untold};
use crate::name::{Name, Pattern};
use crate::overlay::{Location, Overlay, Table, Target, in_variable};
use crate::registry::{EachKind, Kept, Named, OfEachKind, Overlays, Policies, Registry, Site, Sources};
use crate::time::Timestamp;
use resilience_config::{Configurable, find_key, nearest};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// For so many unknown names the nearest known one is looked for.
const NEAREST_SOUGHT: usize = 100;

/// Everything that is wrong or odd with all sources together; and they, combined.
pub(super) struct Check<'a> {
    registry: &'a Registry,
    sources: &'a Sources,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<ConfigWarning>,
    pub(super) combined: OfEachKind<Overlays>,
}

impl<'a> Check<'a> {
    pub(super) fn new(registry: &'a Registry, sources: &'a Sources, warnings: Vec<ConfigWarning>) -> Self {
        Self { registry, sources, mistakes: Vec::new(), warnings, combined: OfEachKind::default() }
    }
}

impl EachKind for Check<'_> {
    fn kind<P: Kept>(&mut self) {
        let said = self.sources.strongest_first().map(|source| Arc::clone(P::pick(&source.kinds)));
        let overlay = Overlay::of(said);
        check(self.registry.of_kind::<P>(), &overlay, &mut self.mistakes, &mut self.warnings);
        *P::pick_mut(&mut self.combined) = overlay;
    }
}

/// Puts them in force.
pub(super) struct Apply<'a> {
    pub(super) registry: &'a Registry,
    pub(super) source: &'a Name,
    pub(super) combined: OfEachKind<Overlays>,
    pub(super) changes: Vec<Change>,
    pub(super) audience: Audience,
    /// What is to be told once nothing is locked any more.
    pub(super) untold: &'a mut Untold,
    /// What could not be, because a builder has registered something else since it was checked.
    pub(super) refused: &'a mut Vec<String>,
}

impl EachKind for Apply<'_> {
    fn kind<P: Kept>(&mut self) {
        let overlay = std::mem::take(P::pick_mut(&mut self.combined));
        self.apply(self.registry.of_kind::<P>(), overlay);
    }
}

/// Every policy that exists or will when its function is called, by name, with what the program says of it.
fn known<P: Kept>(policies: &Policies<P>) -> BTreeMap<Name, P::Keys> {
    let mut known: BTreeMap<_, _> = policies.expected().map(|(name, site)| (name, site.definition().keys)).collect();
    // Of one that exists, a builder may have had the word.
    known.extend(policies.existing().iter().map(|named| (named.policy.name().clone(), named.definition.keys)));
    known
}

/// Everything that is wrong or odd with the overlay, beside what is wrong with a table by itself.
pub(super) fn check<P: Kept>(
    policies: &Policies<P>,
    overlay: &Overlay<P::Keys>,
    mistakes: &mut Vec<Mistake>,
    warnings: &mut Vec<ConfigWarning>,
) {
    let known = known(policies);
    for (name, base) in &known {
        check_merged::<P>(name.into(), base, overlay, mistakes);
        let of_keys = overlay.key_lines(name, base);
        of_keys.keys().for_each(|key| check_merged::<P>(Target { name, key: Some(key) }, base, overlay, mistakes));
        check_patterns::<P>(name, overlay, mistakes);
    }
    check_variables::<P>(known.keys(), overlay, mistakes);
    unknown_names::<P>(known.keys(), overlay, warnings);
    for (name, site) in policies.expected() {
        never_waits::<P>(&name, &known[&name], site, overlay, warnings);
    }
}

/// The rules, over what would be in force.
fn check_merged<P: Kept>(target: Target<'_>, base: &P::Keys, overlay: &Overlay<P::Keys>, mistakes: &mut Vec<Mistake>) {
    let broken = overlay.lay(target, base).broken_rules();
    if broken.is_empty() {
        return;
    }
    let about = overlay.about(target);
    let location = |key: &str| about.iter().copied().chain(overlay.defaults()).find_map(|table| table.location(key));
    let outside = |key: &str| location(key).filter(|_| !is_of_the_program(base, key) || over(&about, key));
    for error in broken {
        // The key that is wrong, or else the one that it does not go with; or else whichever table is about it.
        let blamed = outside(error.key).map(|location| (location, error.key));
        let blamed = blamed.or_else(|| error.other.and_then(|other| Some((outside(other)?, other))));
        let table = about.first().copied().or(overlay.defaults().next());
        let Some((location, key)) = blamed.or_else(|| Some((&table?.at, error.key))) else { continue };
        let (name, of_key) = (target.name, target.key.map_or_else(String::new, |key| format!("[{key}]")));
        let message =
            format!("{} ({} `{name}{of_key}`, together with the values set in the program)", error.message, P::KIND);
        push_new(mistakes, Mistake::new(location, Some(key), message));
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

fn over<C: Configurable>(about: &[&Table<C>], key: &str) -> bool {
    about.iter().any(|table| table.location(key).is_some())
}

/// Of two patterns of one source that are as specific as each other, none goes before the other.
fn check_patterns<P: Kept>(name: &Name, overlay: &Overlay<P::Keys>, mistakes: &mut Vec<Mistake>) {
    for source in overlay.sources() {
        let matching: Vec<_> = source.patterns.iter().filter(|(pattern, _)| pattern.matches(name)).collect();
        if matching.len() >= 2 {
            check_matching(name, &matching, &overlay.about(name), mistakes);
        }
    }
}

fn check_matching<C: Configurable>(
    name: &Name,
    matching: &[&(Pattern, Table<C>)],
    about: &[&Table<C>],
    mistakes: &mut Vec<Mistake>,
) {
    for (nth, (one, first)) in matching.iter().enumerate() {
        let as_specific =
            matching[nth + 1..].iter().filter(|(other, _)| other.literal_characters() == one.literal_characters());
        for (other, second) in as_specific {
            // Where something stronger has the word, neither of them is heard.
            let decides = |key: &str| {
                about
                    .iter()
                    .find(|table| table.location(key).is_some())
                    .is_some_and(|table| std::ptr::eq(*table, first))
            };
            let both = first.locations.iter().find(|(key, _)| second.location(key).is_some() && decides(key));
            let Some((location, key)) = both.and_then(|(key, _)| Some((second.location(key)?, key))) else { continue };
            let message = format!(
                "`{one}` and `{other}` both match `{name}` and set `{key}`, and neither is more specific; remove `{key}` from one of them"
            );
            push_new(mistakes, Mistake::new(location, Some(key), message));
        }
    }
}

/// A variable cannot tell apart names that differ in case and punctuation alone.
fn check_variables<'a, P: Kept>(
    names: impl Iterator<Item = &'a Name>,
    overlay: &Overlay<P::Keys>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut meant: HashMap<String, &Name> = HashMap::new();
    if !overlay.has_variables() {
        return;
    }
    for name in names {
        let variable = in_variable(name);
        let Some(table) = overlay.sources().find_map(|source| source.variables.get(&variable)) else { continue };
        if let Some(other) = meant.insert(variable, name) {
            let message = format!(
                "ambiguous name: it stands for the {} `{other}` and for `{name}`; configure them in a file",
                P::KIND
            );
            mistakes.push(Mistake::new(&table.at, None, message));
        }
    }
}

fn unknown_names<'a, P: Kept>(
    names: impl Iterator<Item = &'a Name>,
    overlay: &Overlay<P::Keys>,
    warnings: &mut Vec<ConfigWarning>,
) {
    let known: Vec<&str> = names.map(Name::as_str).collect();
    let mut unknown: Vec<(&Location, &str)> = Vec::new();
    let exact = overlay.sources().flat_map(|source| &source.exact);
    let by_name = exact.filter(|(name, _)| known.binary_search(&name.as_str()).is_err());
    unknown.extend(by_name.map(|(name, table)| (&table.at, name.as_str())));
    let matches_none = |pattern: &Pattern| !known.iter().any(|name| pattern.matches(name));
    let patterns = overlay.sources().flat_map(|source| &source.patterns);
    let by_pattern = patterns.filter(|(pattern, _)| matches_none(pattern));
    unknown.extend(by_pattern.map(|(pattern, table)| (&table.at, pattern.as_str())));
    unknown.sort_by_key(|(location, _)| location.position());
    let mut sought = 0;
    let mut warn = |location: &Location, name: &str, meant: &str, candidates: &[&str]| {
        sought += 1;
        let nearest = if sought <= NEAREST_SOUGHT { nearest(meant, candidates) } else { None };
        warnings.push(ConfigWarning::UnknownName {
            location: location.to_string(),
            kind: P::KIND,
            name: name.to_owned(),
            nearest: nearest.map(str::to_owned),
        });
    };
    unknown.iter().for_each(|(location, name)| warn(location, name, name, &known));
    if !overlay.has_variables() {
        return;
    }
    let in_variables: Vec<String> = known.iter().map(|name| in_variable(name)).collect();
    let in_variables: Vec<&str> = in_variables.iter().map(String::as_str).collect();
    let variables = overlay.sources().flat_map(|source| &source.variables);
    let mut unknown: Vec<_> = variables.filter(|(name, _)| !in_variables.contains(&name.as_str())).collect();
    unknown.sort_by_key(|(name, _)| name.as_str());
    // One in small letters is the same word to whoever wrote it.
    let (of_keys, unknown): (Vec<_>, Vec<_>) =
        unknown.into_iter().partition(|(name, _)| key_in_variable::<P>(&in_variable(name), &in_variables).is_some());
    unknown.iter().for_each(|(name, table)| warn(&table.at, name, &in_variable(name), &in_variables));
    for (name, table) in of_keys {
        let Some((policy, key)) = key_in_variable::<P>(&in_variable(name), &in_variables) else { continue };
        warnings.push(ConfigWarning::UnknownVariable {
            variable: Name::from(table.at.to_string()),
            problem: format!(
                "keys cannot be configured by a variable, which does not say how `{key}` is written; write `[{}.{:?}.key.\"...\"]` in a file",
                P::KIND.as_str(),
                known[policy]
            ),
        });
    }
}

/// Which known name and which key somebody means who writes `WAREHOUSE__KEY__3`, as a file has `[….warehouse.key."3"]`.
fn key_in_variable<P: Kept>(written: &str, in_variables: &[&str]) -> Option<(usize, String)> {
    let (name, key) = written.split_once("__KEY__").filter(|_| has_keys::<P::Keys>())?;
    Some((in_variables.iter().position(|known| *known == name)?, key.to_owned()))
}

/// A key that lets callers wait, at a function that was compiled not to.
fn never_waits<P: Kept>(
    name: &Name,
    base: &P::Keys,
    site: &'static Site<P>,
    overlay: &Overlay<P::Keys>,
    warnings: &mut Vec<ConfigWarning>,
) {
    let Some(key) = P::WAITS_WITH.and_then(find_key::<P::Keys>) else { return };
    let joins = site.name().is_some() && !site.is_configured();
    let Some(show) = key.show else { return };
    if joins
        || (key.is_written)(&site.definition().keys)
        || show(&overlay.lay(name, base).settings()) == show(&base.settings())
    {
        return;
    }
    let tables = overlay.about(name).into_iter().chain(overlay.defaults());
    if let Some(location) = tables.into_iter().find_map(|table| table.location(key.name)) {
        let (location, function) = (location.to_string(), site.operation().location());
        warnings.push(ConfigWarning::NeverWaits { location, key: key.name, function });
    }
}

impl Apply<'_> {
    fn apply<P: Kept>(&mut self, policies: &Policies<P>, overlay: Overlay<P::Keys>) {
        let overlay = Arc::new(overlay);
        // First for those that are built from now on.
        let before = policies.replace_overlay(Arc::clone(&overlay));
        let mut existing = policies.existing();
        existing.sort_by(|a, b| a.policy.name().cmp(b.policy.name()));
        for Named { policy, definition, .. } in existing {
            let (name, base) = (policy.name(), &definition.keys);
            let next = overlay.lay(name, base);
            let (was, is) = (before.lay(name, base).settings(), next.settings());
            let changed = |key: &&resilience_config::Key<P::Keys>| key.show.is_some_and(|show| show(&was) != show(&is));
            let mut keys: Vec<_> = P::Keys::KEYS.iter().filter(changed).map(|key| key.name).collect();
            let (was_forced, is_forced) = (before.force_open(name), overlay.force_open(name));
            let (lines_before, lines) = (before.key_lines(name, base), overlay.key_lines(name, base));
            let is_as_before = keys.is_empty() && was_forced == is_forced;
            if is_as_before && lines_before == lines {
                continue;
            }
            let mut room = Vec::new();
            let mut turn = policy.emitter().turn_told(self.audience);
            if !keys.is_empty() {
                match policy.put_in_force(next, &mut turn) {
                    Ok(made) => room = made,
                    Err(error) => {
                        self.refused.push(format!("{} `{name}`: {error}; it is left unchanged", P::KIND));
                        continue;
                    }
                }
            }
            if was_forced != is_forced {
                policy.set_forced_open(is_forced, &mut turn);
                keys.push(super::tables::FORCE_OPEN);
            }
            if !is_as_before {
                turn.push_cause(Topic::Reconfigured, policy.generation(), |order| {
                    let (name, keys, source) = (name.clone(), keys.clone(), Some(self.source.clone()));
                    Event::Reconfigured {
                        kind: P::KIND,
                        name,
                        key: None,
                        keys,
                        source,
                        by: None,
                        at: Timestamp::now(),
                        order,
                    }
                });
                self.changes.push(Change { kind: P::KIND, name: name.clone(), key: None, keys });
            }
            let changed = |key: &&String| lines_before.get(*key) != lines.get(*key);
            let changed: BTreeSet<String> = lines_before.keys().chain(lines.keys()).filter(changed).cloned().collect();
            let room_of_keys = policy.put_key_lines(lines, self.source, &mut turn);
            self.changes.extend(changed.into_iter().map(|key| {
                let (kind, name) = (P::KIND, name.clone());
                Change { kind, name, key: Some(key), keys: Vec::new() }
            }));
            self.untold.append(turn.end(|| Some(policy.runs())));
            for room in [room, room_of_keys].into_iter().filter(|room| !room.is_empty()) {
                let policy = Arc::clone(&policy);
                self.untold.and(move || policy.go_on(&room));
            }
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::super::document;
    use super::*;
    use crate::kind::Kind;
    use crate::policy::{Definition, Policy};
    use crate::registry::{Outside, for_each_kind};
    use crate::retry::Retry;
    use resilience_config::RetryConfig;
    use std::time::Duration;

    /// As where a builder registers something else after the file was found to be sound.
    #[test]
    fn what_does_not_go_with_the_file_any_more_is_left_alone_and_named() {
        let registry = Registry::new();
        let slow = RetryConfig::new().delay(Duration::from_secs(5));
        let [slow, quick] = [("slow", slow), ("quick", RetryConfig::new())].map(|(name, keys)| {
            let definition: Definition<Retry> = Retry::define(keys, None);
            registry.register(Name::from(name), definition, true, false).unwrap()
        });
        let said = "[retry.slow]\nmax_delay = \"1s\"\n[retry.quick]\nmax_delay = \"1s\"";
        let mut sources = Sources::default();
        sources.put(Outside::File, document::parse("file".into(), said).ok());
        let mut check = Check::new(&registry, &sources, Vec::new());
        for_each_kind(&mut check);
        let Check { mistakes, combined, .. } = check;
        assert_eq!(mistakes.len(), 1);

        let (mut untold, mut refused) = (Untold::default(), Vec::new());
        let (source, audience) = (&Name::from("file"), Audience::nobody());
        let (registry, untold, refused) = (&registry, &mut untold, &mut refused);
        let mut apply = Apply { registry, source, combined, changes: Vec::new(), audience, untold, refused };
        for_each_kind(&mut apply);
        let change = Change { kind: Kind::Retry, name: "quick".into(), key: None, keys: vec!["max_delay"] };
        assert_eq!(apply.changes, [change]);
        let rule = "`delay` (default `\"100ms\"`) must not be longer than `max_delay` (default `\"10s\"`)";
        assert_eq!(*apply.refused, [format!("retry `slow`: {rule}; it is left unchanged")]);
        let longest = [slow, quick].map(|retry| retry.in_force().max_delay.as_secs());
        assert_eq!(longest, [10, 1]);
    }
}
