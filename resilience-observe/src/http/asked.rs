//! What a request asks for: the parts of its path, and its parameters, none of which is unknown.

use super::access::Visitor;
use super::problem::Problem;
use crate::watch::Connection;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use resilience_runtime::{Kind, Pattern, State, Topic};
use std::fmt::Display;
use std::str::FromStr;

/// One question.
pub(crate) struct Asked {
    pub(crate) visitor: Visitor,
    /// Over which it came, where it is the listener's.
    pub(crate) connection: Option<Connection>,
    path: Vec<(String, String)>,
    query: String,
}

/// The parameters of a question, each of which is known and stands there at most once.
pub(crate) struct Parameters(Vec<(&'static str, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The guard has let it in.
        let Some(visitor) = parts.extensions.get::<Visitor>().cloned() else {
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "nobody has said who asks"));
        };
        let path = RawPathParams::from_request_parts(parts, state).await;
        let path = path.map_err(|_| Problem::bad_request("the path is not UTF-8"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let connection = parts.extensions.get::<Connection>().cloned();
        Ok(Self { visitor, connection, path, query })
    }
}

impl Asked {
    fn in_path(&self, part: &str) -> &str {
        self.path.iter().find(|(name, _)| name == part).map_or("", |(_, value)| value)
    }

    /// The kind of policy that the path names.
    pub(crate) fn kind(&self) -> Result<Kind, Problem> {
        match self.in_path("kind").parse() {
            Ok(Kind::Fallback) => Err(Problem::not_found("a fallback is in no registry; see `operations`")),
            Ok(kind) => Ok(kind),
            Err(error) => Err(Problem::not_found(format!("no such kind of policy: {error}"))),
        }
    }

    /// The name of the policy that the path names.
    pub(crate) fn name(&self) -> &str {
        self.in_path("name")
    }

    /// All of its parameters, if it has none but these.
    pub(crate) fn parameters(&self, known: &[&'static str]) -> Result<Parameters, Problem> {
        let mut parameters = Vec::new();
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            let Some(known) = known.iter().find(|known| **known == name) else {
                let expected = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
                let expected =
                    if expected.is_empty() { "there are none here".to_owned() } else { format!("expected {expected}") };
                return Err(Problem::bad_request(format!("unknown parameter `{name}`; {expected}")));
            };
            if parameters.iter().any(|(name, _)| name == known) {
                return Err(Problem::bad_request(format!("the parameter `{name}` is there twice")));
            }
            parameters.push((*known, value));
        }
        Ok(Parameters(parameters))
    }
}

impl Parameters {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parsed = self.text(name).map(T::from_str).transpose();
        parsed.map_err(|error| Problem::bad_request(format!("the parameter `{name}`: {error}")))
    }

    pub(crate) fn pattern(&self, name: &str) -> Result<Option<Pattern>, Problem> {
        self.parsed(name)
    }

    /// How many at most: 1,000, or what is asked for, up to 10,000.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        let limit = self.parsed("limit")?.unwrap_or(1000);
        match limit {
            1..=10_000 => Ok(limit),
            _ => Err(Problem::bad_request("the parameter `limit` must be between 1 and 10000")),
        }
    }

    pub(crate) fn state(&self) -> Result<Option<State>, Problem> {
        let state = self.text("state").map(state).transpose();
        state.map_err(|error| Problem::bad_request(format!("the parameter `state`: {error}")))
    }

    /// Words with commas between them.
    pub(crate) fn topics(&self) -> Result<Vec<Topic>, Problem> {
        let words = self.text("topic").unwrap_or_default().split(',').filter(|word| !word.is_empty());
        words
            .map(|word| {
                // How each call ended is told to nobody who only looks.
                let mut known = Topic::ALL.iter().filter(|topic| **topic != Topic::Outcome);
                let topic = known.clone().find(|topic| topic.as_str() == word);
                topic.copied().ok_or_else(|| {
                    let known = known.by_ref().map(|topic| format!("`{topic}`")).collect::<Vec<_>>().join(", ");
                    Problem::bad_request(format!("unknown topic `{word}`; expected {known}"))
                })
            })
            .collect()
    }
}

/// A state of a circuit breaker, by its word.
pub(crate) fn state(word: &str) -> Result<State, String> {
    let state = State::ALL.iter().copied().find(|state| state.as_str() == word);
    state.ok_or_else(|| {
        let known = State::ALL.iter().map(|state| format!("`{state}`")).collect::<Vec<_>>().join(", ");
        format!("unknown state `{word}`; expected {known}")
    })
}

fn decoded(text: &str) -> Result<String, Problem> {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| Problem::bad_request("the query is not UTF-8"))
}
