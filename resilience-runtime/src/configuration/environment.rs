//! `RESILIENCE__KIND__NAME__KEY=value`.

use super::error::{ConfigWarning, ConfigureError, Mistake};
use super::tables::{self, Entry, FORCE_OPEN, KINDS, Tables};
use crate::error::Name;
use crate::registry::{Layers, Place, Policy};
use crate::{Bulkhead, CircuitBreaker, Retry, Timeout};
use resilience_config::{Configurable, Written, names};
use std::collections::BTreeMap;

const PREFIX: &str = "RESILIENCE__";
const DEFAULTS: &str = "DEFAULTS";
/// Between kind, name and key.
const BETWEEN: &str = "__";

/// What variables say, and which of those with the prefix say nothing.
pub(super) fn parse(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(Tables, Vec<ConfigWarning>), ConfigureError> {
    let mut reader = Reader::default();
    // In the order of their names, so that reports are the same every time.
    let variables: BTreeMap<_, _> = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    for (variable, value) in &variables {
        reader.variable(variable, value);
    }
    let Reader { mut tables, mut mistakes, warnings } = reader;
    tables.check_alone(&mut mistakes);
    if mistakes.is_empty() { Ok((tables, warnings)) } else { Err(ConfigureError::Mistakes(mistakes)) }
}

#[derive(Default)]
struct Reader {
    tables: Tables,
    mistakes: Vec<Mistake>,
    warnings: Vec<ConfigWarning>,
}

impl Reader {
    fn variable(&mut self, variable: &str, value: &str) {
        let said = &variable[PREFIX.len()..];
        let first = said.split(BETWEEN).next().unwrap_or(said);
        let Some(kind) = KINDS.into_iter().find(|kind| kind.to_uppercase() == first) else {
            let known = KINDS.map(str::to_uppercase);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            if first.eq_ignore_ascii_case(DEFAULTS) {
                return self.warn(variable, "defaults are written in a file: `[defaults.KIND]`".to_owned());
            }
            return self.warn(variable, tables::no_such_kind(first, &first.to_uppercase(), &known));
        };
        let rest = said[first.len()..].strip_prefix(BETWEEN).and_then(|rest| rest.rsplit_once(BETWEEN));
        let Some((name, key)) = rest.filter(|(name, _)| !name.is_empty()) else {
            return self.warn(variable, format!("write RESILIENCE__{first}__NAME__KEY"));
        };
        if name.contains('*') {
            return self.warn(variable, "a variable takes a name; patterns are written in a file".to_owned());
        }
        if let Err(rule) = names::check(name) {
            return self.warn(variable, rule.to_string());
        }
        let key = key.to_lowercase();
        let at = Place::Variable(Name::from(variable.to_owned()));
        let entry = Entry { key: &key, key_at: at.clone(), written: Written::of_text(value), value_at: at };
        let Tables { circuit_breakers, retries, timeouts, bulkheads, rate_limiters } = &mut self.tables;
        let put = match kind {
            CircuitBreaker::KIND => put(kind, circuit_breakers, name, entry),
            Retry::KIND => put(kind, retries, name, entry),
            Timeout::KIND => put(kind, timeouts, name, entry),
            Bulkhead::KIND => put(kind, bulkheads, name, entry),
            _ => put(kind, rate_limiters, name, entry),
        };
        match put {
            Ok(()) => {}
            Err(Refused::Key(problem)) => self.warn(variable, problem),
            Err(Refused::Value(mistake)) => self.mistakes.push(mistake),
        }
    }

    fn warn(&mut self, variable: &str, problem: String) {
        self.warnings.push(ConfigWarning::UnknownVariable { variable: Name::from(variable.to_owned()), problem });
    }
}

enum Refused {
    Key(String),
    Value(Mistake),
}

fn put<C: Configurable>(
    kind: &'static str,
    layers: &mut Layers<C>,
    name: &str,
    entry: Entry<'_>,
) -> Result<(), Refused> {
    let is_known =
        C::KEYS.iter().any(|key| key.name == entry.key) || kind == CircuitBreaker::KIND && entry.key == FORCE_OPEN;
    if !is_known {
        return Err(Refused::Key(tables::no_such_key::<C>(kind, entry.key)));
    }
    let table = layers.variables.entry(name.to_owned()).or_insert_with(|| tables::empty(entry.key_at.clone()));
    tables::put(kind, table, entry).map_err(Refused::Value)
}

impl Tables {
    /// One variable a key: a table is complete when all were read.
    fn check_alone(&mut self, mistakes: &mut Vec<Mistake>) {
        fn each<C: Configurable>(layers: &Layers<C>, mistakes: &mut Vec<Mistake>) {
            layers.variables.values().for_each(|table| tables::check_alone(table, mistakes));
        }
        each(&self.circuit_breakers, mistakes);
        each(&self.retries, mistakes);
        each(&self.timeouts, mistakes);
        each(&self.bulkheads, mistakes);
        each(&self.rate_limiters, mistakes);
        mistakes.sort_by(|a, b| a.source.cmp(&b.source));
    }
}
