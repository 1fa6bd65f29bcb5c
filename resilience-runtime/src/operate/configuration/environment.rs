//! `RESILIENCE__KIND__NAME__KEY=value`, and `RESILIENCE__CAUSES=false`.

use super::error::{ConfigWarning, ConfigureError, Mistake};
use super::tables::{self, CAUSES, Entry, FORCE_OPEN};
use crate::kind::Kind;
use crate::name::Name;
use crate::overlay::{Location, SourceTables};
use crate::registry::{EachKind, KINDS, Kept, Tables, for_each_kind, for_kind};
use resilience_config::{Configurable, Value, Written, names};
use std::collections::BTreeMap;
use std::sync::Arc;

const PREFIX: &str = "RESILIENCE__";
const DEFAULTS: &str = "DEFAULTS";
/// Between kind, name and key.
const BETWEEN: &str = "__";

/// What variables say, and which of those with the prefix say nothing.
pub(super) fn parse(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(Tables, Vec<ConfigWarning>), ConfigureError> {
    let mut reader = VariableReader::default();
    // In the order of their names, so that reports are the same every time.
    let variables: BTreeMap<_, _> = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    for (variable, value) in &variables {
        reader.variable(variable, value);
    }
    let VariableReader { tables, mistakes, warnings } = reader;
    let mut check = CheckAlone(&tables, mistakes);
    for_each_kind(&mut check);
    let CheckAlone(_, mut mistakes) = check;
    mistakes.sort_by(|a, b| a.source.cmp(&b.source));
    if mistakes.is_empty() { Ok((tables, warnings)) } else { Err(ConfigureError::Mistakes(mistakes)) }
}

#[derive(Default)]
struct VariableReader {
    tables: Tables,
    mistakes: Vec<Mistake>,
    warnings: Vec<ConfigWarning>,
}

impl VariableReader {
    fn variable(&mut self, variable: &str, value: &str) {
        let said = &variable[PREFIX.len()..];
        if said == CAUSES.to_uppercase() {
            let at = Location::Variable(Name::from(variable.to_owned()));
            return match bool::read(CAUSES, &Written::of_text(value)) {
                Ok(told) => self.tables.causes = Some(told),
                Err(message) => self.mistakes.push(Mistake::new(&at, Some(CAUSES), message)),
            };
        }
        let first = said.split(BETWEEN).next().unwrap_or(said);
        let Some(kind) = KINDS.iter().copied().find(|kind| kind.as_str().to_uppercase() == first) else {
            let known: Vec<String> = KINDS.iter().map(|kind| kind.as_str().to_uppercase()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            if first.eq_ignore_ascii_case(DEFAULTS) {
                return self.warn(
                    variable,
                    "defaults cannot be set by a variable; write `[defaults.KIND]` in a file".to_owned(),
                );
            }
            return self.warn(variable, tables::no_such_kind(first, &first.to_uppercase(), &known));
        };
        let rest = said[first.len()..].strip_prefix(BETWEEN).and_then(|rest| rest.rsplit_once(BETWEEN));
        let Some((name, key)) = rest.filter(|(name, _)| !name.is_empty()) else {
            return self.warn(variable, format!("expected `RESILIENCE__{first}__NAME__KEY`"));
        };
        if name.contains('*') {
            return self
                .warn(variable, "patterns are not allowed in a variable; write the pattern in a file".to_owned());
        }
        if let Err(rule) = names::check(name) {
            return self.warn(variable, rule.to_string());
        }
        let key = key.to_lowercase();
        let at = Location::Variable(Name::from(variable.to_owned()));
        let entry = Entry { key: &key, key_at: at.clone(), written: Written::of_text(value), value_at: at };
        let mut put = PutOfKind { name, entry: Some(entry), tables: &mut self.tables, done: Ok(()) };
        for_kind(kind, &mut put);
        match put.done {
            Ok(()) => {}
            Err(RefusedVariable::Key(problem)) => self.warn(variable, problem),
            Err(RefusedVariable::Value(mistake)) => self.mistakes.push(mistake),
        }
    }

    fn warn(&mut self, variable: &str, problem: String) {
        self.warnings.push(ConfigWarning::UnknownVariable { variable: Name::from(variable.to_owned()), problem });
    }
}

/// One variable, which is of one kind.
struct PutOfKind<'a> {
    name: &'a str,
    entry: Option<Entry<'a>>,
    tables: &'a mut Tables,
    done: Result<(), RefusedVariable>,
}

impl EachKind for PutOfKind<'_> {
    fn kind<P: Kept>(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.done = put(P::KIND, Arc::make_mut(P::pick_mut(&mut self.tables.kinds)), self.name, entry);
        }
    }
}

enum RefusedVariable {
    Key(String),
    Value(Mistake),
}

fn put<C: Configurable>(
    kind: Kind,
    said: &mut SourceTables<C>,
    name: &str,
    entry: Entry<'_>,
) -> Result<(), RefusedVariable> {
    let is_known =
        C::KEYS.iter().any(|key| key.name == entry.key) || kind == Kind::CircuitBreaker && entry.key == FORCE_OPEN;
    if !is_known {
        return Err(RefusedVariable::Key(tables::no_such_key::<C>(kind, entry.key)));
    }
    let table = said.variables.entry(name.to_owned()).or_insert_with(|| tables::empty(entry.key_at.clone()));
    tables::put(kind, table, entry).map_err(RefusedVariable::Value)
}

/// One variable a key: a table is complete when all were read.
struct CheckAlone<'a>(&'a Tables, Vec<Mistake>);

impl EachKind for CheckAlone<'_> {
    fn kind<P: Kept>(&mut self) {
        let Self(tables, mistakes) = self;
        P::pick(&tables.kinds).variables.values().for_each(|table| tables::check_alone(table, mistakes));
    }
}
