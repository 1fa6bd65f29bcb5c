//! What is done by hand: to whom, by whom and why, all of it or nothing.

use super::access::Visitor;
use super::asked;
use super::problem::Problem;
use crate::journal::{KEPT, Wanted};
use crate::locked::locked;
use crate::observer::Observer;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use resilience_runtime::{Act, CircuitBreaker, Event, Kind, Name, Reached, State, SteerError, Topic};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The largest body.
const LARGEST: usize = 16 * 1024;
/// How long one may take to arrive.
const SLOWEST: Duration = Duration::from_secs(10);
/// The longest `by` and `why`, in bytes.
const LONGEST: usize = 256;
/// How many circuit breakers are reached at most, unless all of them are meant.
const MANY: usize = 100;
/// Longer than this no breaker can be told to stay open.
const LONGEST_OPENING: f64 = 365.0 * 86_400.0;

const ACTS: &str = "`force_open`, `force_open_for`, `disable`, `monitor`, `enforce`, `enforce_share` or `reset`";

/// What somebody wants done.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    r#match: String,
    keys: Option<String>,
    act: String,
    percent: Option<u64>,
    /// In seconds.
    open_for: Option<f64>,
    by: Option<String>,
    why: Option<String>,
    only_if: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    all: bool,
}

/// One that is reached.
struct Target {
    reached: Reached,
    breaker: Arc<CircuitBreaker>,
    before: State,
}

pub(super) async fn steer(observer: &Observer, request: Request) -> Result<Value, Problem> {
    let (parts, body) = request.into_parts();
    let visitor = parts.extensions.get::<Visitor>().cloned();
    let visitor = visitor.ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "nobody has said who asks"))?;
    if let Some(problem) = visitor.may_not_steer {
        return Err(problem);
    }
    check_form(&parts.headers)?;
    let too_large = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body must not be larger than 16 KiB");
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > LARGEST as u64) {
        return Err(too_large());
    }
    let body = tokio::time::timeout(SLOWEST, to_bytes(body, LARGEST)).await;
    let body = body.map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive"))?;
    // Whoever has sent half of one and hung up hears nothing of it.
    let body = body.map_err(|_| too_large())?;
    let order = read(&body)?;
    follow(observer, order, visitor.name)
}

/// No form of a page elsewhere can send JSON without asking first, which is never granted.
fn check_form(headers: &HeaderMap) -> Result<(), Problem> {
    let form = headers.get(header::CONTENT_TYPE).and_then(|form| form.to_str().ok()).unwrap_or_default();
    let form = form.split(';').next().unwrap_or_default().trim();
    if form.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected `Content-Type: application/json`"))
}

fn read(body: &[u8]) -> Result<Order, Problem> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => unfit(error.to_string()),
        _ => Problem::bad_request(format!("the body is not JSON: {error}")),
    })
}

fn unfit(title: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title)
}

fn conflict(title: impl Into<String>) -> Problem {
    Problem::new(StatusCode::CONFLICT, title)
}

impl From<SteerError> for Problem {
    fn from(error: SteerError) -> Self {
        match error {
            SteerError::NoneReached { .. } => Self::not_found(error.to_string()),
            _ => unfit(error.to_string()),
        }
    }
}

/// Everything is looked at before anything is done.
fn follow(observer: &Observer, order: Order, who: Option<String>) -> Result<Value, Problem> {
    let act = order.act()?;
    let by = said("by", who.or(order.by))?;
    let why = said("why", order.why)?;
    let only_if = order.only_if.as_deref().map(|state| asked::state(state).map_err(unfit)).transpose()?;
    let registry = observer.registry();
    let watch = observer.watch();
    let _alone = locked(&watch.steering);
    let steer = registry.steer(&order.r#match);
    let reached = match &order.keys {
        Some(keys) => steer.keys(keys).reaches()?,
        None => steer.reaches()?,
    };
    if reached.len() > MANY && !order.all {
        let count = reached.len();
        return Err(conflict(format!(
            "this reaches {count} circuit breakers; say `\"all\": true` if all of them are meant"
        )));
    }
    let targets = targets(observer, reached);
    if let Some(only_if) = only_if
        && let Some(other) = targets.iter().find(|target| target.before != only_if)
    {
        return Err(conflict(format!("{} is {}, not {only_if}; nothing is done", other.reached, other.before)));
    }
    if order.dry_run {
        return Ok(told(targets.iter().map(|target| (&target.reached, target.before, None)), &[], true));
    }
    let (_, before) = watch.journal.ids();
    for target in &targets {
        // What could be wrong with it was looked at above, and is the same for all.
        act_on(&target.breaker, act, &by, &why)?;
        // The queue between is shorter than the journal.
        watch.journal.catch_up([]);
    }
    let names: HashSet<&Name> = targets.iter().map(|target| &target.reached.name).collect();
    let wanted = Wanted { topics: vec![Topic::Steered], name: None };
    let entries = watch.journal.page(Some(before), &wanted, KEPT).entries;
    let of_this = entries.iter().filter(|entry| is_of(&entry.event, &names, &by, &why));
    let ids: Vec<u64> = of_this.map(|entry| entry.id).collect();
    let after = states(observer, targets.iter().map(|target| (&target.reached, &*target.breaker)));
    let changed = targets.iter().zip(after).map(|(target, after)| (&target.reached, target.before, Some(after)));
    Ok(told(changed, &ids, false))
}

/// Whether it is what this order did: a program may do something itself at the same moment.
fn is_of(event: &Event, names: &HashSet<&Name>, by: &str, why: &str) -> bool {
    event.name().is_some_and(|name| names.contains(name))
        && event.by().is_some_and(|whom| (whom.by(), whom.why()) == (Some(by), Some(why)))
}

fn targets(observer: &Observer, reached: Vec<Reached>) -> Vec<Target> {
    let registry = observer.registry();
    let mut of_keys: HashMap<Name, Vec<Arc<CircuitBreaker>>> = HashMap::new();
    let breakers = reached.into_iter().filter_map(|reached| {
        let breaker = registry.circuit_breaker(&reached.name)?;
        let breaker = match &reached.key {
            None => breaker,
            Some(key) => {
                let of_keys = of_keys.entry(reached.name.clone()).or_insert_with(|| breaker.of_keys());
                // Meanwhile its key may have made room for another one: then there is nobody to reach.
                of_keys.iter().find(|of_key| of_key.key().as_ref() == Some(key)).cloned()?
            }
        };
        Some((reached, breaker))
    });
    let breakers: Vec<_> = breakers.collect();
    let before = states(observer, breakers.iter().map(|(reached, breaker)| (reached, &**breaker)));
    let targets = breakers.into_iter().zip(before);
    targets.map(|((reached, breaker), before)| Target { reached, breaker, before }).collect()
}

/// As the rows of policies and of keys show them.
fn states<'t>(observer: &Observer, of: impl Iterator<Item = (&'t Reached, &'t CircuitBreaker)>) -> Vec<State> {
    let snapshot = observer.registry().read();
    let shown: HashMap<&Name, State> =
        snapshot.circuit_breakers.iter().map(|breaker| (&breaker.name, breaker.state)).collect();
    of.map(|(reached, breaker)| match reached.key {
        None => shown.get(&reached.name).copied().unwrap_or_else(|| breaker.state()),
        Some(_) => breaker.state(),
    })
    .collect()
}

fn told<'t>(
    changed: impl Iterator<Item = (&'t Reached, State, Option<State>)>,
    ids: &[u64],
    is_dry_run: bool,
) -> Value {
    let reached: Vec<_> = changed
        .map(|(reached, before, after)| {
            let (kind, name, key) = (Kind::CircuitBreaker.as_str(), reached.name.as_str(), &reached.key);
            let after = after.map(State::as_str);
            json!({ "kind": kind, "name": name, "key": key, "before": before.as_str(), "after": after })
        })
        .collect();
    json!({ "dry_run": is_dry_run, "reached": reached, "event_ids": ids })
}

fn said(what: &str, text: Option<String>) -> Result<String, Problem> {
    let text = text.unwrap_or_default();
    match text.len() {
        _ if text.trim().is_empty() => Err(unfit(format!("`{what}` must say something"))),
        1..=LONGEST => Ok(text),
        _ => Err(unfit(format!("`{what}` takes at most {LONGEST} bytes"))),
    }
}

impl Order {
    /// In the words that events have for it.
    fn act(&self) -> Result<Act, Problem> {
        if self.percent.is_some() != (self.act == "enforce_share") {
            return Err(unfit("`percent` belongs to `enforce_share`, which takes 0 to 100"));
        }
        if self.open_for.is_some() != (self.act == "force_open_for") {
            return Err(unfit("`open_for` belongs to `force_open_for`, which takes a number of seconds"));
        }
        Ok(match &*self.act {
            "force_open" => Act::ForceOpen,
            "force_open_for" => Act::ForceOpenFor(opening(self.open_for.unwrap_or_default())?),
            "disable" => Act::Disable,
            "monitor" => Act::Monitor,
            "enforce" => Act::Enforce,
            "enforce_share" => Act::EnforceShare(share(self.percent.unwrap_or_default())?),
            "reset" => Act::Reset,
            other => return Err(unfit(format!("unknown act `{other}`; expected {ACTS}"))),
        })
    }
}

fn opening(seconds: f64) -> Result<Duration, Problem> {
    if (0.001..=LONGEST_OPENING).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(unfit("`open_for` must be between 0.001 and 31536000 seconds"))
    }
}

fn share(percent: u64) -> Result<u8, Problem> {
    let share = u8::try_from(percent).ok().filter(|share| *share <= 100);
    share.ok_or_else(|| unfit(format!("`percent` must be between 0 and 100, not {percent}")))
}

fn act_on(breaker: &CircuitBreaker, act: Act, by: &str, why: &str) -> Result<(), SteerError> {
    let steer = breaker.steer().by(by).why(why);
    match act {
        Act::ForceOpen => steer.force_open(),
        Act::ForceOpenFor(time) => steer.force_open_for(time),
        Act::Disable => steer.disable(),
        Act::Monitor => steer.monitor(),
        Act::Enforce => steer.enforce(),
        Act::EnforceShare(percent) => steer.enforce_share(percent),
        // The last of those that `Order::act` names.
        _ => steer.reset(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use resilience_runtime::testing::Scope;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body of which nothing arrives.
    struct Silent;

    impl futures_core::Stream for Silent {
        type Item = Result<Vec<u8>, std::convert::Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_ten_seconds_to_arrive() {
        let observer = Observer::new(Scope::new().registry());
        let visitor = Visitor { name: None, is_trusted: true, may_not_steer: None };
        let request = Request::post("/api/v1/steer").header("content-type", "application/json").extension(visitor);
        let begin = tokio::time::Instant::now();
        let problem = steer(&observer, request.body(Body::from_stream(Silent)).unwrap()).await.unwrap_err();
        assert_eq!((problem.status.as_u16(), &*problem.title), (408, "the body took too long to arrive"));
        assert_eq!(begin.elapsed().as_secs(), 10);
    }

    #[tokio::test]
    async fn nobody_steers_whom_the_guard_has_not_let_in() {
        let observer = Observer::new(Scope::new().registry());
        let problem = steer(&observer, Request::new(Body::empty())).await.unwrap_err();
        assert_eq!((problem.status.as_u16(), &*problem.title), (500, "nobody has said who asks"));
    }

    #[test]
    fn what_an_order_did_is_known_by_the_name_by_whom_and_why() {
        let scope = Scope::new();
        let breaker = {
            let _entered = scope.enter();
            CircuitBreaker::builder("payment").register().unwrap()
        };
        let told = |steer: &dyn Fn()| {
            steer();
            let mut events = scope.registry().recent_events(Kind::CircuitBreaker, "payment").into_iter();
            events.rfind(|event| event.topic() == Topic::Steered).unwrap()
        };
        let (payment, stock) = (Name::from("payment"), Name::from("stock"));
        let is_of_it = |event: &Event, name| is_of(event, &HashSet::from([name]), "ada", "incident 12");
        let by_it = told(&|| breaker.steer().by("ada").why("incident 12").force_open().unwrap());
        assert!(is_of_it(&by_it, &payment) && !is_of_it(&by_it, &stock));
        for other in [
            told(&|| breaker.steer().by("bob").why("incident 12").enforce().unwrap()),
            told(&|| breaker.steer().by("ada").why("incident 13").force_open().unwrap()),
            told(&|| breaker.steer().by("ada").enforce().unwrap()),
            told(&|| breaker.force_open()),
        ] {
            assert!(!is_of_it(&other, &payment), "{other:?}");
        }
    }

    #[test]
    fn what_is_said_has_one_to_256_bytes_and_more_than_spaces() {
        let is_taken = |text: &str| said("by", Some(text.to_owned())).ok();
        for text in ["a", "ada", " a ", &"a".repeat(256), &"ü".repeat(128)] {
            assert_eq!(is_taken(text).as_deref(), Some(text));
        }
        for text in ["", " ", "\t\n", &"a".repeat(257), &"ü".repeat(129)] {
            assert_eq!(is_taken(text), None, "{text:?}");
        }
        assert!(said("by", None).is_err());
    }

    #[test]
    fn an_opening_has_a_millisecond_to_a_year_and_a_share_no_more_than_all() {
        let year = 365.0 * 86_400.0;
        for (seconds, is_one) in [
            (0.0, false),
            (0.000_999, false),
            (0.001, true),
            (1.5, true),
            (year, true),
            (year + 0.01, false),
            (-1.0, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            let expected = is_one.then(|| Duration::from_secs_f64(seconds));
            assert_eq!(opening(seconds).ok(), expected, "{seconds}");
        }
        for (percent, expected) in [(0, Some(0)), (1, Some(1)), (100, Some(100)), (101, None), (256, None), (356, None)]
        {
            assert_eq!(share(percent).ok(), expected, "{percent}");
        }
    }
}
