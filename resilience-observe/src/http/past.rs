//! What is read of what was: the history of a policy, and advice.

use super::asked::Asked;
use super::problem::Problem;
use super::read::{answer, with_policy};
use crate::history::{Past, Row, Step, columns};
use crate::observer::Observer;
use resilience_config::parse_duration;
use resilience_runtime::{Kind, Timestamp};
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The columns of the last five minutes, or since when it is asked for, in the step that is asked for or else in the finest that goes back as far.
pub(super) fn history(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    let parameters = asked.parameters(&["since", "step"])?;
    let (kind, name) = with_policy(observer.registry(), asked, |policy| Ok((policy.kind(), policy.name().clone())))?;
    let seconds = parameters.text("since").map(seconds_since).transpose()?;
    let step = match parameters.text("step") {
        Some(text) => Step::ALL.into_iter().find(|step| step.seconds().to_string() == text).ok_or_else(|| {
            Problem::bad_request("the parameter `step`: expected `1`, `10` or `60`, which are seconds")
        })?,
        None => {
            let reaches = |step: &Step| seconds.is_none_or(|seconds| step.seconds() * step.rows() as u64 >= seconds);
            Step::ALL.into_iter().find(reaches).unwrap_or(Step::Minute)
        }
    };
    let Some(past) = observer.past() else {
        return Err(Problem::not_found("no history is kept: the observer was built with `History::NONE`"));
    };
    let since = seconds.map_or(0, |seconds| (now() / 1000).saturating_sub(seconds));
    let lost: Vec<u64> = past.lost_of(kind, &name).iter().map(|step| step.seconds()).collect();
    let past = past.past(kind, &name, step, since).unwrap_or(Past { first: since, rows: Vec::new() });
    let mut fields = Map::new();
    let of_policy = json!({ "kind": kind.as_str(), "name": name.as_str(), "step": step.seconds(), "lost": lost });
    fields.extend(of_policy.as_object().cloned().unwrap_or_default());
    fields.insert("time".to_owned(), times(&past, step).into());
    let of_rows = |of: &dyn Fn(&Row) -> Value| past.rows.iter().map(|row| row.as_ref().map(of)).collect::<Value>();
    if kind == Kind::CircuitBreaker {
        fields.insert("state".to_owned(), of_rows(&|row| row.state().as_str().into()));
        fields.insert("enforced_percent".to_owned(), of_rows(&|row| row.enforced_percent().into()));
    }
    let counted = columns(kind).iter().enumerate();
    let mut numbers: Map<String, Value> =
        counted.map(|(nth, (name, _))| ((*name).to_owned(), of_rows(&|row| row.count(nth).into()))).collect();
    if kind == Kind::CircuitBreaker {
        for (nth, name) in ["p50", "p99"].into_iter().enumerate() {
            numbers.insert(name.to_owned(), of_rows(&|row| row.percentiles()[nth].map_or(Value::Null, in_seconds)));
        }
    }
    fields.insert("columns".to_owned(), numbers.into());
    Ok(answer(observer, Value::Object(fields)))
}

/// To the microsecond; a single-precision number has no more.
fn in_seconds(percentile: f32) -> Value {
    ((f64::from(percentile) * 1e6).round() / 1e6).into()
}

fn now() -> u64 {
    Timestamp::now().as_millis()
}

fn since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// How many seconds ago that was: `5m`, or a moment as it stands in an answer's `time`.
fn seconds_since(text: &str) -> Result<u64, Problem> {
    if let Ok(moment) = text.parse::<f64>() {
        // Rounded up, so that a client that goes on from its last row misses none.
        return Ok((since_1970() - moment).max(0.0).ceil() as u64);
    }
    let duration = parse_duration(text);
    duration.map(|duration| duration.as_secs()).map_err(|_| {
        Problem::bad_request("the parameter `since`: expected a duration such as `5m`, or seconds since 1970")
    })
}

/// When each row ends, in seconds since 1970.
fn times(past: &Past, step: Step) -> Vec<f64> {
    let begin = since_1970() - now() as f64 / 1000.0;
    let ends = (0..past.rows.len() as u64).map(|nth| begin + (past.first + nth * step.seconds()) as f64);
    ends.map(|end| (end * 1000.0).round() / 1000.0).collect()
}

pub(super) fn advice(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    asked.parameters(&[])?;
    let advice = if asked.visitor.is_trusted { observer.advice() } else { observer.public_advice() };
    let advice = advice.into_iter().map(|advice| {
        json!({
            "rule": advice.rule,
            "kind": advice.kind.map(Kind::as_str),
            "name": advice.name.as_deref(),
            "text": advice.text,
            "help": advice.help,
        })
    });
    Ok(answer(observer, json!({ "advice": advice.collect::<Vec<_>>() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_duration_or_a_moment_that_is_rounded_to_an_earlier_second() {
        for (text, expected) in [("0s", 0), ("999ms", 0), ("90s", 90), ("5m", 300), ("7d", 604_800)] {
            assert_eq!(seconds_since(text).ok(), Some(expected), "{text}");
        }
        for ago in [0.0, 0.5, 1.0, 100.25, 86_400.0] {
            let moment = since_1970() - ago;
            let seconds = seconds_since(&format!("{moment:.3}")).ok().unwrap();
            let passed = since_1970() - moment;
            assert!(ago - 0.01 <= seconds as f64 && seconds as f64 <= passed + 1.01, "{ago}: {seconds}");
        }
        assert_eq!(seconds_since(&(since_1970() + 60.0).to_string()).ok(), Some(0), "it is still to come");
        for none in ["", "soon", "5", "5 parsecs", "-5m"] {
            assert_eq!(seconds_since(none).is_ok(), none == "5", "{none}");
        }
    }

    #[test]
    fn a_percentile_is_told_to_the_microsecond() {
        for (seconds, told) in [(0.0, "0.0"), (0.018, "0.018"), (0.675, "0.675"), (12.5, "12.5"), (0.000_000_4, "0.0")]
        {
            assert_eq!(in_seconds(seconds).to_string(), told);
        }
    }

    #[test]
    fn each_row_is_told_with_the_moment_in_which_it_ends() {
        let now = now() / 1000;
        for step in Step::ALL {
            let past = Past { first: now - 600, rows: vec![None; 4] };
            let times = times(&past, step);
            assert!(
                times.windows(2).all(|pair| (pair[1] - pair[0] - step.seconds() as f64).abs() < 0.002),
                "{times:?}"
            );
            assert!((since_1970() - times[0] - 600.0).abs() < 1.5, "{times:?}");
            assert_eq!(times.len(), 4);
        }
    }
}
