//! `resilience.toml`.

use super::error::{ConfigureError, Mistake};
use super::tables::{self, CAUSES, Entry, FORCE_OPEN, KEY};
use crate::kind::Kind;
use crate::name::{Name, Pattern};
use crate::overlay::{Location, SourceTables, Table};
use crate::registry::{EachKind, KINDS, Kept, Tables, for_kind};
use resilience_config::{Configurable, Value, Written};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The largest file that is read, in bytes.
pub(super) const LARGEST: usize = 1 << 20;

const DEFAULTS: &str = "defaults";
const MAX_KEYS: &str = "max_keys";

/// The text of a file. No more of it is read than there may be: it may be a device, or grow while it is read.
pub(super) fn read(path: &Path) -> Result<String, ConfigureError> {
    let unreadable = |error: String| ConfigureError::Unreadable { path: shown(path), error };
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut bytes));
    file.map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() > LARGEST {
        return Err(unreadable(too_large()));
    }
    String::from_utf8(bytes).map_err(|error| unreadable(error.utf8_error().to_string()))
}

fn too_large() -> String {
    format!("the configuration is larger than {LARGEST} bytes")
}

pub(super) fn shown(path: &Path) -> Name {
    Name::from(path.display().to_string())
}

/// What a text says. Everything that is wrong with it by itself is found.
pub(super) fn parse(path: Name, text: &str) -> Result<Tables, ConfigureError> {
    if text.len() > LARGEST {
        return Err(ConfigureError::Unreadable { path, error: too_large() });
    }
    let mut reader = DocumentReader { path, text, lines: line_starts(text), mistakes: Vec::new() };
    let mut tables = Tables::default();
    match DeTable::parse(text) {
        Ok(document) => reader.document(document.get_ref(), &mut tables),
        Err(error) => {
            let at = reader.location(error.span().map_or(0, |span| span.start));
            reader.mistake(&at, None, error.message().to_owned());
        }
    }
    let mut mistakes = reader.mistakes;
    mistakes.sort_by_key(|mistake| mistake.position);
    if mistakes.is_empty() { Ok(tables) } else { Err(ConfigureError::Mistakes(mistakes)) }
}

struct DocumentReader<'t> {
    path: Name,
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    mistakes: Vec<Mistake>,
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// A kind that can be configured, by its word.
fn kept(name: &str) -> Option<Kind> {
    KINDS.iter().copied().find(|kind| kind.as_str() == name)
}

/// `[KIND.NAME]`
struct TablesOfKind<'a, 't, 'v> {
    reader: &'a mut DocumentReader<'t>,
    value: &'a Spanned<DeValue<'v>>,
    tables: &'a mut Tables,
}

impl EachKind for TablesOfKind<'_, '_, '_> {
    fn kind<P: Kept>(&mut self) {
        self.reader.kind(P::KIND, self.value, Arc::make_mut(P::pick_mut(&mut self.tables.kinds)));
    }
}

/// `[defaults.KIND]`
struct DefaultsOfKind<'a, 't, 'v> {
    reader: &'a mut DocumentReader<'t>,
    value: &'a Spanned<DeValue<'v>>,
    at: Location,
    tables: &'a mut Tables,
}

impl EachKind for DefaultsOfKind<'_, '_, '_> {
    fn kind<P: Kept>(&mut self) {
        let defaults = self.reader.defaults(P::KIND, self.value, self.at.clone());
        Arc::make_mut(P::pick_mut(&mut self.tables.kinds)).defaults = defaults;
    }
}

impl DocumentReader<'_> {
    fn location(&self, offset: usize) -> Location {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Location::File { path: self.path.clone(), line, column }
    }

    fn at<T>(&self, spanned: &Spanned<T>) -> Location {
        self.location(spanned.span().start)
    }

    fn mistake(&mut self, location: &Location, key: Option<&str>, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(location, key, message));
    }

    fn document(&mut self, document: &DeTable<'_>, tables: &mut Tables) {
        for (key, value) in document {
            let (name, at) = (&**key.get_ref(), self.at(key));
            match kept(name) {
                _ if name == DEFAULTS => self.all_defaults(value, tables),
                _ if name == CAUSES => match bool::read(CAUSES, &written(value.get_ref())) {
                    Ok(told) => tables.causes = Some(told),
                    Err(message) => self.mistake(&self.at(value), Some(CAUSES), message),
                },
                Some(kind) => for_kind(kind, &mut TablesOfKind { reader: self, value, tables }),
                None => self.unknown_kind(name, &at, Some(DEFAULTS)),
            }
        }
    }

    fn all_defaults(&mut self, value: &Spanned<DeValue<'_>>, tables: &mut Tables) {
        let Some(kinds) = self.table(DEFAULTS, value) else { return };
        for (key, value) in kinds {
            let (name, at) = (&**key.get_ref(), self.at(key));
            match kept(name) {
                Some(kind) => for_kind(kind, &mut DefaultsOfKind { reader: self, value, at, tables }),
                None => self.unknown_kind(name, &at, None),
            }
        }
    }

    fn unknown_kind(&mut self, name: &str, at: &Location, or: Option<&str>) {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.as_str()).chain(or).collect();
        self.mistake(at, Some(name), tables::no_such_kind(name, name, &known));
    }

    fn table<'v, 't>(&mut self, name: &str, value: &'v Spanned<DeValue<'t>>) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let at = self.at(value);
            self.mistake(&at, Some(name), format!("`{name}` must be a table; write `[{name}.NAME]`"));
        }
        table
    }

    fn kind<C: Configurable>(&mut self, kind: Kind, value: &Spanned<DeValue<'_>>, said: &mut SourceTables<C>) {
        let Some(names) = self.table(kind.as_str(), value) else { return };
        for (key, value) in names {
            let (name, at) = (&**key.get_ref(), self.at(key));
            let Some(keys) = value.get_ref().as_table() else {
                let message = format!(
                    "`{name}` must be in the table of a policy; write `[{kind}.NAME]` above it, or `[defaults.{kind}]` to set a default"
                );
                self.mistake(&at, Some(name), message);
                continue;
            };
            let pattern = match Pattern::parse(name) {
                Ok(pattern) => pattern,
                Err(error) => {
                    self.mistake(&at, Some(name), error.to_string());
                    continue;
                }
            };
            let table = self.keys(kind, keys, at);
            match pattern.exact() {
                Some(name) => drop(said.exact.insert(name.to_owned(), table)),
                None => said.patterns.push((pattern, table)),
            }
        }
        said.patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.literal_characters()));
    }

    fn defaults<C: Configurable>(
        &mut self,
        kind: Kind,
        value: &Spanned<DeValue<'_>>,
        at: Location,
    ) -> Option<Table<C>> {
        let Some(keys) = value.get_ref().as_table() else {
            self.mistake(
                &at,
                Some(kind.as_str()),
                format!("`defaults.{kind}` must be a table; write `[defaults.{kind}]`"),
            );
            return None;
        };
        let table = self.keys(kind, keys, at);
        if let Some((_, of_key)) = table.of_keys.first_key_value() {
            let location = of_key.at.clone();
            self.mistake(
                &location,
                Some(KEY),
                format!(
                    "`key` is not allowed in defaults; write it under a name or a pattern, such as `[{kind}.\"*\".key]`"
                ),
            );
        }
        if let Some(location) = table.location(FORCE_OPEN).cloned() {
            let message = "`force_open` is not allowed in defaults; write it under a name or a pattern, such as `[circuit_breaker.\"*\"]`";
            self.mistake(&location, Some(FORCE_OPEN), message);
        }
        Some(table)
    }

    fn keys<C: Configurable>(&mut self, kind: Kind, keys: &DeTable<'_>, at: Location) -> Table<C> {
        let mut table = tables::empty(at);
        for (key, value) in keys {
            let (name, key_at, value_at) = (&**key.get_ref(), self.at(key), self.at(value));
            if let (KEY, true, Some(keys)) = (name, tables::has_keys::<C>(), value.get_ref().as_table()) {
                table.of_keys = self.of_keys(kind, keys);
                continue;
            }
            if value.get_ref().is_table() {
                let message = format!(
                    "{}; if it is part of a name, put the name in quotes: `[{kind}.\"a.b\"]`",
                    tables::no_such_key::<C>(kind, name)
                );
                self.mistake(&key_at, Some(name), message);
                continue;
            }
            let entry = Entry { key: name, key_at, written: written(value.get_ref()), value_at };
            if let Err(mistake) = tables::put(kind, &mut table, entry) {
                self.mistakes.push(mistake);
            }
        }
        tables::check_alone(&table, &mut self.mistakes);
        table
    }
}

impl DocumentReader<'_> {
    /// `[KIND.NAME.key."3"]`
    fn of_keys<C: Configurable>(&mut self, kind: Kind, keys: &DeTable<'_>) -> BTreeMap<String, Table<C>> {
        let mut of_keys = BTreeMap::new();
        for (key, value) in keys {
            let (shown, at) = (&**key.get_ref(), self.at(key));
            let Some(written) = value.get_ref().as_table() else {
                self.mistake(
                    &at,
                    Some(shown),
                    format!("`{shown}` must be a table; write `[{kind}.NAME.key.\"{shown}\"]`"),
                );
                continue;
            };
            let table: Table<C> = self.keys(kind, written, at);
            if let Some(location) = table.location(MAX_KEYS).cloned() {
                self.mistake(
                    &location,
                    Some(MAX_KEYS),
                    "`max_keys` is not allowed for a single key; write it under the name of the policy",
                );
            }
            if let Some((_, nested)) = table.of_keys.first_key_value() {
                let location = nested.at.clone();
                self.mistake(&location, Some(KEY), "`key` is not allowed in the table of a key");
            }
            of_keys.insert(shown.to_owned(), table);
        }
        of_keys
    }
}

fn written<'v>(value: &'v DeValue<'_>) -> Written<'v> {
    match value {
        DeValue::String(text) => Written::TextOrWord((&**text).into()),
        DeValue::Integer(number) => {
            let too_large = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
            Written::Whole(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(too_large))
        }
        DeValue::Float(number) => number.as_str().parse().map_or(Written::Other, Written::Number),
        DeValue::Boolean(switch) => Written::Switch(*switch),
        DeValue::Array(list) => Written::List(list.iter().map(|element| written(element.get_ref())).collect()),
        DeValue::Datetime(_) | DeValue::Table(_) => Written::Other,
    }
}
