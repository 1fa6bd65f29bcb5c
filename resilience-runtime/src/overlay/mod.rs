//! What is said of a kind of policy outside of the program, and how it is laid over what the program says.
//!
//! There are several sources, one over the other: the environment, the overlays from the last to the first, the file. The value of a key is the first that is written: of the instance of one
//! of the policy's keys, in a table for that; in a table for the name, source by source (in each the exact name before patterns, a pattern with more literal characters before one with fewer); at
//! the attribute or the builder; in `[defaults.KIND]`, source by source. After those come a preset and the built-in default. A preset that is named in a table for the name or in the program is
//! their word: what it says of a key goes before `[defaults.KIND]`.
//!
//! Without the feature `config` nothing is ever said outside.
#![cfg_attr(not(feature = "config"), allow(dead_code))]

use crate::name::{Name, Pattern};
use resilience_config::{Configurable, find_key};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// A key of a policy, its value in force, and where that came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Setting {
    /// As the attribute calls it.
    pub key: &'static str,
    /// As one would write it, without quotes: `30`, `10s`, `monitor`; `none` of one that is off.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// Where the value of a key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Source {
    /// Nobody has said anything.
    Default,
    /// The preset of that name, which is written at the attribute or outside.
    Preset {
        /// As it is written.
        preset: &'static str,
    },
    /// `[defaults.KIND]` of a configuration file or an overlay.
    Defaults {
        /// The file, or the name of the overlay.
        path: Name,
        /// The line of the value.
        line: usize,
    },
    /// An attribute.
    Attribute {
        /// The source file.
        file: &'static str,
        /// The line of the function's name.
        line: u32,
    },
    /// A builder.
    Builder,
    /// A table of a configuration file or an overlay.
    File {
        /// The file, or the name of the overlay.
        path: Name,
        /// The line of the value.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: Name,
    },
    /// A call of `reconfigure`.
    Call,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset { preset } => write!(f, "preset {preset}"),
            Self::Defaults { path, line } => write!(f, "defaults {path}:{line}"),
            Self::Attribute { file, line } => write!(f, "attribute {file}:{line}"),
            Self::Builder => f.write_str("builder"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment { variable } => write!(f, "{variable}"),
            Self::Call => f.write_str("call"),
        }
    }
}

/// Who configured a policy in the program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// At a function whose name stands there.
    Attribute {
        file: &'static str,
        line: u32,
    },
    Builder,
}

impl Origin {
    fn source(self) -> Source {
        match self {
            Self::Attribute { file, line } => Source::Attribute { file, line },
            Self::Builder => Source::Builder,
        }
    }
}

/// Where something is written outside of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    File { path: Name, line: usize, column: usize },
    Variable(Name),
}

impl Location {
    /// Line and column, in a file.
    pub(crate) fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::File { line, column, .. } => Some((*line, *column)),
            Self::Variable(_) => None,
        }
    }

    fn source(&self) -> Source {
        match self.clone() {
            Self::File { path, line, .. } => Source::File { path, line },
            Self::Variable(variable) => Source::Environment { variable },
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Variable(variable) => f.write_str(variable),
        }
    }
}

/// A name as it is part of a variable's: in capitals, and whatever is neither a letter nor a digit as `_`.
pub(crate) fn in_variable(name: &str) -> String {
    name.chars()
        .flat_map(|c| if c.is_alphanumeric() { c.to_uppercase().collect::<Vec<_>>() } else { vec!['_'] })
        .collect()
}

/// What is written in one place of some policies of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Table<C> {
    pub(crate) keys: C,
    /// Not a part of the configuration, but done by hand to a breaker.
    pub(crate) force_open: Option<bool>,
    /// Where each key is written.
    pub(crate) locations: Vec<(&'static str, Location)>,
    /// What is written of the instances of the policy's own keys, by the key as it is shown.
    pub(crate) of_keys: BTreeMap<String, Table<C>>,
    /// Where the table begins.
    pub(crate) at: Location,
}

impl<C: Configurable> Table<C> {
    /// Where it was written last: two variables may name one key, in capitals and in small letters.
    pub(crate) fn location(&self, key: &str) -> Option<&Location> {
        self.locations.iter().rfind(|(name, _)| *name == key).map(|(_, location)| location)
    }
}

/// What one source says of a kind.
#[derive(Clone, Debug)]
pub(crate) struct SourceTables<C> {
    /// By the name as it is part of a variable's.
    pub(crate) variables: HashMap<String, Table<C>>,
    pub(crate) exact: HashMap<String, Table<C>>,
    /// The more specific first.
    pub(crate) patterns: Vec<(Pattern, Table<C>)>,
    pub(crate) defaults: Option<Table<C>>,
}

impl<C> Default for SourceTables<C> {
    fn default() -> Self {
        Self { variables: HashMap::new(), exact: HashMap::new(), patterns: Vec::new(), defaults: None }
    }
}

/// All that is said of a kind outside of the program.
#[derive(Clone, Debug)]
pub(crate) struct Overlay<C> {
    /// The strongest first.
    sources: Vec<Arc<SourceTables<C>>>,
    /// Of all sources together.
    defaults: Option<C>,
}

impl<C> Default for Overlay<C> {
    fn default() -> Self {
        Self { sources: Vec::new(), defaults: None }
    }
}

/// A policy, or its instance for the key that is shown so.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: Option<&'a str>,
}

impl<'a> From<&'a str> for Target<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, key: None }
    }
}

impl<'a> From<&'a Name> for Target<'a> {
    fn from(name: &'a Name) -> Self {
        Self { name, key: None }
    }
}

/// What a file says of the instance of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyLine<C> {
    /// Laid over what holds for all keys.
    pub(crate) keys: C,
    /// Where it is written of the key itself.
    pub(crate) force_open: Option<bool>,
}

/// By the key, as it is shown.
pub(crate) type KeyLines<C> = BTreeMap<String, KeyLine<C>>;

impl<C: Configurable> Overlay<C> {
    /// The strongest first.
    pub(crate) fn of(sources: impl IntoIterator<Item = Arc<SourceTables<C>>>) -> Self {
        let mut overlay = Self { sources: sources.into_iter().collect(), defaults: None };
        let defaults = overlay.defaults().map(|table| table.keys).reduce(|mut merged, weaker| {
            merged.lay_over(&weaker);
            merged
        });
        overlay.defaults = defaults;
        overlay
    }

    /// What each source says, the strongest first.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &SourceTables<C>> {
        self.sources.iter().map(|source| &**source)
    }

    /// `[defaults.KIND]` of each source, the strongest first.
    pub(crate) fn defaults(&self) -> impl Iterator<Item = &Table<C>> {
        self.sources().filter_map(|source| source.defaults.as_ref())
    }

    /// Whether any variable says something.
    pub(crate) fn has_variables(&self) -> bool {
        self.sources().any(|source| !source.variables.is_empty())
    }

    /// The tables about a policy or an instance of it, the strongest first.
    pub(crate) fn about<'a>(&self, target: impl Into<Target<'a>>) -> Vec<&Table<C>> {
        let Target { name, key } = target.into();
        let by_name = self.about_name(name);
        let of_key = key.into_iter().flat_map(|key| by_name.iter().filter_map(move |table| table.of_keys.get(key)));
        of_key.chain(by_name.iter().copied()).collect()
    }

    /// What is said of the keys of this policy, of which the program says `base`.
    pub(crate) fn key_lines(&self, name: &str, base: &C) -> KeyLines<C> {
        let by_name = self.about_name(name);
        let keys = by_name.iter().flat_map(|table| table.of_keys.keys());
        let line = |key: &String| {
            let own = by_name.iter().filter_map(|table| table.of_keys.get(key));
            let force_open = own.into_iter().find_map(|table| table.force_open);
            KeyLine { keys: self.lay(Target { name, key: Some(key) }, base), force_open }
        };
        keys.map(|key| (key.clone(), line(key))).collect()
    }

    fn about_name(&self, name: &str) -> Vec<&Table<C>> {
        let mut about = Vec::new();
        for source in self.sources() {
            if !source.variables.is_empty() {
                about.extend(source.variables.get(&in_variable(name)));
            }
            about.extend(source.exact.get(name));
            about.extend(source.patterns.iter().filter(|(pattern, _)| pattern.matches(name)).map(|(_, table)| table));
        }
        about
    }

    fn over(about: &[&Table<C>], base: &C) -> C {
        let mut merged = *base;
        for key in C::KEYS {
            if let Some(table) = about.iter().find(|table| (key.is_written)(&table.keys)) {
                (key.copy)(&mut merged, &table.keys);
            }
        }
        merged
    }

    /// What the program says, with what is said outside laid over and under it.
    pub(crate) fn lay<'a>(&self, target: impl Into<Target<'a>>, base: &C) -> C {
        let mut merged = Self::over(&self.about(target), base);
        if let Some(defaults) = &self.defaults {
            merged.lay_over(defaults);
        }
        merged
    }

    pub(crate) fn source<'a>(
        &self,
        target: impl Into<Target<'a>>,
        base: &C,
        origin: Origin,
        key: &'static str,
    ) -> Source {
        let Some(key) = find_key::<C>(key) else { return Source::Default };
        let about = self.about(target);
        if let Some(location) = about.iter().find_map(|table| table.location(key.name)) {
            return location.source();
        }
        if (key.is_written)(base) {
            return origin.source();
        }
        let by_preset = |keys: C| keys.preset_name().filter(|_| key.in_presets).map(|preset| Source::Preset { preset });
        if let Some(preset) = by_preset(Self::over(&about, base)) {
            return preset;
        }
        // A preset in the defaults of a stronger source goes before what the weaker ones write.
        let by_defaults = self.defaults().find_map(|defaults| match defaults.location(key.name) {
            Some(Location::File { path, line, .. }) => Some(Source::Defaults { path: path.clone(), line: *line }),
            _ => by_preset(defaults.keys),
        });
        by_defaults.unwrap_or(Source::Default)
    }

    /// Whether a breaker is forced open by a table.
    pub(crate) fn force_open<'a>(&self, target: impl Into<Target<'a>>) -> bool {
        self.about(target).iter().find_map(|table| table.force_open).unwrap_or(false)
    }
}

/// The settings that are `in_force`, where the program and the layers would have `expected`.
pub(crate) fn settings<C: Configurable>(
    overlay: &Overlay<C>,
    target: Target<'_>,
    (base, origin): (&C, Origin),
    expected: &C::Settings,
    in_force: &C::Settings,
) -> Vec<Setting> {
    let merged = overlay.lay(target, base);
    let shown = C::KEYS.iter().filter_map(|key| {
        let show = key.show?;
        let value = show(in_force);
        let source = if value == show(expected) {
            overlay.source(target, base, origin, merged.decided_by(key.name))
        } else {
            Source::Call
        };
        Some(Setting { key: key.name, value, source })
    });
    let forced = overlay.about(target).into_iter().find(|table| table.force_open.is_some()).and_then(|table| {
        let value = table.force_open?.to_string();
        Some(Setting { key: "force_open", value, source: table.location("force_open")?.source() })
    });
    shown.chain(forced).collect()
}

/// The same of a policy that is in no registry: whatever is not the default was said by its builder, or in a call.
pub(crate) fn settings_by_hand<C: Configurable>(default: &C::Settings, in_force: &C::Settings) -> Vec<Setting> {
    let shown = C::KEYS.iter().filter_map(|key| {
        let show = key.show?;
        let value = show(in_force);
        let source = if value == show(default) { Source::Default } else { Source::Builder };
        Some(Setting { key: key.name, value, source })
    });
    shown.collect()
}
