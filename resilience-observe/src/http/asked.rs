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

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        let visitor = Visitor { name: None, is_trusted: false, may_not_steer: None };
        let path = [("kind", "bulkhead"), ("name", "a/b")].map(|(part, text)| (part.to_owned(), text.to_owned()));
        Asked { visitor, connection: None, path: path.to_vec(), query: query.to_owned() }
    }

    #[tokio::test]
    async fn nobody_is_answered_whom_the_guard_has_not_let_in() {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        let problem = Asked::from_request_parts(&mut parts, &()).await.err().unwrap();
        assert_eq!((problem.status.as_u16(), &*problem.title), (500, "nobody has said who asks"));
    }

    fn title<T>(result: Result<T, Problem>) -> Option<String> {
        result.err().map(|problem| problem.title)
    }

    #[test]
    fn parameters_are_known_decoded_and_there_once() {
        let known = ["name", "limit"];
        for (query, name, limit) in [
            ("", None, None),
            ("&&", None, None),
            ("name=a", Some("a"), None),
            ("limit=1&name=a", Some("a"), Some("1")),
            ("name", Some(""), None),
            ("name=", Some(""), None),
            ("name=a=b", Some("a=b"), None),
            ("name=a+b%2Bc%26", Some("a b+c&"), None),
            ("n%61me=%C3%A9", Some("é"), None),
        ] {
            let parameters = asked(query).parameters(&known).ok().unwrap();
            assert_eq!((parameters.text("name"), parameters.text("limit")), (name, limit), "{query}");
        }
        for (query, problem) in [
            ("nam=a", "unknown parameter `nam`; expected `name`, `limit`"),
            ("=a", "unknown parameter ``; expected `name`, `limit`"),
            ("name=a&limit=1&name=a", "the parameter `name` is there twice"),
            ("name=%FF", "the query is not UTF-8"),
            ("%FF=a", "the query is not UTF-8"),
        ] {
            assert_eq!(title(asked(query).parameters(&known)).as_deref(), Some(problem), "{query}");
        }
        let none = title(asked("name=a").parameters(&[]));
        assert_eq!(none.as_deref(), Some("unknown parameter `name`; there are none here"));
    }

    #[test]
    fn a_limit_is_one_to_ten_thousand_and_a_thousand_where_none_is_given() {
        let limit = |query: &str| asked(query).parameters(&["limit"]).and_then(|parameters| parameters.limit());
        for (query, expected) in
            [("", 1000), ("limit=1", 1), ("limit=2", 2), ("limit=9999", 9999), ("limit=10000", 10_000)]
        {
            assert_eq!(limit(query).ok(), Some(expected), "{query}");
        }
        for query in ["limit=0", "limit=10001"] {
            assert_eq!(title(limit(query)).unwrap(), "the parameter `limit` must be between 1 and 10000", "{query}");
        }
        assert!(title(limit("limit=-1")).unwrap().starts_with("the parameter `limit`: "));
    }

    #[test]
    fn topics_are_words_with_commas_between_in_their_order() {
        let topics = |query: &str| asked(query).parameters(&["topic"]).and_then(|parameters| parameters.topics());
        assert_eq!(topics("").ok(), Some(vec![]));
        assert_eq!(topics("topic=,").ok(), Some(vec![]));
        assert_eq!(topics("topic=steered,,rejected").ok(), Some(vec![Topic::Steered, Topic::Rejected]));
        for topic in Topic::ALL.iter().filter(|topic| **topic != Topic::Outcome) {
            assert_eq!(topics(&format!("topic={topic}")).ok(), Some(vec![*topic]));
        }
        let known = Topic::ALL.iter().filter(|topic| **topic != Topic::Outcome).map(|topic| format!("`{topic}`"));
        let known = known.collect::<Vec<_>>().join(", ");
        // How each call ended is told to nobody who only looks.
        for unknown in ["outcome", "steer"] {
            let problem = title(topics(&format!("topic=rejected,{unknown}")));
            assert_eq!(problem.unwrap(), format!("unknown topic `{unknown}`; expected {known}"));
        }
    }

    #[test]
    fn a_state_is_one_of_the_words() {
        let of = |query: &str| asked(query).parameters(&["state"]).and_then(|parameters| parameters.state());
        assert_eq!(of("").ok(), Some(None));
        for state in State::ALL {
            assert_eq!(of(&format!("state={state}")).ok(), Some(Some(*state)));
        }
        let known = State::ALL.iter().map(|state| format!("`{state}`")).collect::<Vec<_>>().join(", ");
        let problem = title(of("state=opened")).unwrap();
        assert_eq!(problem, format!("the parameter `state`: unknown state `opened`; expected {known}"));
    }

    #[test]
    fn the_parts_of_a_path_are_found_by_their_names() {
        assert_eq!((asked("").kind().ok(), asked("").name()), (Some(Kind::Bulkhead), "a/b"));
        let of_kind = |kind: &str| Asked { path: vec![("kind".to_owned(), kind.to_owned())], ..asked("") };
        assert_eq!((of_kind("retry").kind().ok(), of_kind("retry").name()), (Some(Kind::Retry), ""));
        assert_eq!(title(of_kind("fallback").kind()).unwrap(), "a fallback is in no registry; see `operations`");
        assert!(title(of_kind("retries").kind()).unwrap().starts_with("no such kind of policy: "));
    }
}
