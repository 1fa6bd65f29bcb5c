//! What a circuit breaker is to the rest of the crate.

use super::breaker::{CircuitBreaker, TripIf};
use super::snapshot::CircuitBreakerSnapshot;
use crate::event::{Act, Audience, Emitter, Runs, Turn};
use crate::keyed::runs;
use crate::kind::Kind;
use crate::name::{Key, Name};
use crate::overlay::{KeyLines, Setting};
use crate::policy::{Definition, Policy, Room};
use crate::state::State;
use resilience_config::{CircuitBreakerConfig, CircuitBreakerSettings, ConfigError};
use std::sync::Arc;

/// A `trip_if` and its tokens, by which two of them are compared: one function may have two addresses. A builder has no tokens.
#[derive(Clone, Copy, Debug)]
pub struct TripRule {
    pub(super) rule: TripIf,
    tokens: Option<&'static str>,
}

impl TripRule {
    pub(super) fn made(rule: TripIf) -> Self {
        Self { rule, tokens: None }
    }

    pub(crate) const fn written(rule: TripIf, tokens: &'static str) -> Self {
        Self { rule, tokens: Some(tokens) }
    }
}

impl PartialEq for TripRule {
    fn eq(&self, other: &Self) -> bool {
        match (self.tokens, other.tokens) {
            (None, None) => std::ptr::fn_addr_eq(self.rule, other.rule),
            (ours, theirs) => ours == theirs,
        }
    }
}

impl Policy for CircuitBreaker {
    type Keys = CircuitBreakerConfig;
    type Rule = TripRule;
    type Snapshot = CircuitBreakerSnapshot;

    const KIND: Kind = Kind::CircuitBreaker;

    fn define(keys: CircuitBreakerConfig, rule: Option<TripRule>) -> Definition<Self> {
        Definition { keys: keys.has_trip_if(rule.is_some()), rule }
    }

    fn rule_text(rule: &TripRule) -> Option<&'static str> {
        rule.tokens
    }

    fn new(name: Name, definition: &Definition<Self>, emitter: Emitter) -> Self {
        let trip_if = definition.rule.map(|trip_if| trip_if.rule);
        Self::new(name, definition.keys.resolve(), trip_if, emitter)
    }

    fn in_force(&self) -> CircuitBreakerSettings {
        *self.settings.get()
    }

    fn put_in_force(&self, keys: CircuitBreakerConfig, turn: &mut Turn<'_>) -> Result<Room, ConfigError> {
        self.put(turn, &Arc::new(self.checked(keys)?.resolve()));
        Ok(Room::new())
    }

    fn begin_forced_open(&self) {
        // Untold: nobody knows of the breaker yet.
        self.act_alone(&mut self.emitter.turn_told(Audience::nobody()), Act::ForceOpen);
    }

    fn comes_in(&self) -> Option<State> {
        Some(self.state())
    }

    fn instances(&self) -> Vec<Arc<Self>> {
        self.of_keys()
    }

    fn begin_with_key_lines(&self, lines: KeyLines<Self::Keys>) {
        self.of_keys.begin_with(lines);
    }

    #[cfg(feature = "config")]
    fn put_key_lines(&self, lines: KeyLines<Self::Keys>, source: &Name, turn: &mut Turn<'_>) -> Room {
        self.of_keys.put_lines(self, lines, source, turn)
    }

    fn set_forced_open(&self, forced: bool, turn: &mut Turn<'_>) {
        if forced { self.force_open_quietly(turn) } else { self.take_back_force_open(turn) }
    }

    fn key(&self) -> Option<Key> {
        Self::key(self)
    }

    fn generation(&self) -> u64 {
        Self::generation(self)
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    fn runs(&self) -> Runs {
        runs(self)
    }

    fn check(&self, keys: &CircuitBreakerConfig) -> Result<(), ConfigError> {
        self.checked(*keys).map(drop)
    }

    fn snapshot_with(&self, settings: Vec<Setting>) -> CircuitBreakerSnapshot {
        self.snapshot_with(settings)
    }
}
