//! What somebody should look at: policies that cannot do what they are there for, each in a sentence, with what to write instead.

use crate::history::{Rings, Row, Step};
use resilience_runtime::{
    Act, Event, KeyCounts, Kind, Name, RegistrySnapshot, Setting, Source, State, StateHistory, Steering,
};
use std::fmt;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What happened less often may be chance.
const OFTEN: u64 = 10;

/// Something that somebody should look at.
///
/// It is printed in two lines: what is wrong, and what to write.
///
/// ```
/// use resilience_observe::Observer;
/// use resilience_runtime::registry;
///
/// for advice in Observer::new(registry()).advice() {
///     eprintln!("{advice}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advice {
    /// One word for what is wrong, such as `ready_to_enforce`.
    pub rule: &'static str,
    /// The kind of policy, where it is about one.
    pub kind: Option<Kind>,
    /// The policy or the guarded function, where it is about one.
    pub name: Option<Name>,
    /// What is wrong.
    pub text: String,
    /// What to write.
    pub help: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  help: {}", self.text, self.help)
    }
}

/// What the rules look at.
pub(crate) struct Facts<'a> {
    /// With settings.
    pub(crate) policies: &'a RegistrySnapshot,
    pub(crate) fallbacks: Vec<Fallbacks>,
    /// Without it, nothing is said of what takes time to be seen.
    pub(crate) past: Option<&'a Rings>,
    /// The last events of a circuit breaker.
    pub(crate) events: &'a dyn Fn(&str) -> Vec<Event>,
    pub(crate) conflicts: Vec<Disagreement>,
    pub(crate) refused: Option<Refused>,
}

/// The fallback of one guarded function.
#[derive(Clone, Debug)]
pub(crate) struct Fallbacks {
    pub(crate) operation: Name,
    pub(crate) location: String,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
}

/// Two places that configure one name.
#[derive(Clone, Debug)]
pub(crate) struct Disagreement {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) in_force: String,
    pub(crate) not_in_force: String,
    pub(crate) keys: Vec<&'static str>,
}

/// The last configuration that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) source: Name,
    pub(crate) error: String,
    pub(crate) ago: Duration,
}

/// All that there is to say, in the order of the rules.
pub(crate) fn advise(facts: &Facts<'_>) -> Vec<Advice> {
    let rules: [fn(&Facts<'_>) -> Vec<Advice>; 13] = [
        refused_configurations,
        conflicts,
        forced_open,
        shares_left_behind,
        ready_to_enforce,
        minimum_calls_never_reached,
        probes_time_out,
        failing_fallbacks,
        fallbacks_that_answer_most,
        spent_budgets,
        keys_that_overflow,
        queues,
        shortened_history,
    ];
    rules.iter().flat_map(|rule| rule(facts)).collect()
}

fn about(rule: &'static str, kind: Kind, name: &Name, text: String, help: String) -> Advice {
    Advice { rule, kind: Some(kind), name: Some(name.clone()), text, help }
}

fn refused_configurations(facts: &Facts<'_>) -> Vec<Advice> {
    let refused =
        facts.refused.iter().filter(|refused| refused.ago < DAY).map(|Refused { source, error, ago }| Advice {
            rule: "configuration_refused",
            kind: None,
            name: None,
            text: format!("`{source}` was refused {} ago, and what ran before keeps running: {error}", Spoken(*ago)),
            help: "correct that line; nothing of a file is applied as long as one line of it is wrong".to_owned(),
        });
    refused.collect()
}

fn conflicts(facts: &Facts<'_>) -> Vec<Advice> {
    let conflicts = facts.conflicts.iter().map(|Disagreement { kind, name, in_force, not_in_force, keys }| {
        let text = format!(
            "{} `{name}` is configured twice: {in_force} is in force, {not_in_force} is not; they differ in {}",
            Called(*kind),
            keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
        );
        let help = "write the keys in one place and only the name in the other, or give one of them another name";
        about("conflict", *kind, name, text, help.to_owned())
    });
    conflicts.collect()
}

fn forced_open(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for breaker in facts.policies.circuit_breakers.iter().filter(|breaker| breaker.state == State::ForcedOpen) {
        // Where one of its keys is forced open, that is all that this state says.
        let forced_for = breaker.history.unwrap_or_default().time.forced_open.min(breaker.age);
        if forced_for < HOUR {
            continue;
        }
        let name = &breaker.name;
        let setting = breaker.settings.iter().find(|setting| setting.key == "force_open" && setting.value == "true");
        let by = match setting {
            Some(Setting { source, .. }) => format!("by {source}"),
            None => by_whom(facts, name, |act| matches!(act, Act::ForceOpen)),
        };
        let text = format!("circuit breaker `{name}` has been forced open {by} for {}", Spoken(forced_for));
        let help = match setting {
            Some(Setting { source: Source::File { .. }, .. }) => "remove `force_open = true` from that file".to_owned(),
            _ => format!("if the incident is over, write `registry().steer(\"{}\").enforce()?`", name.escape_debug()),
        };
        advice.push(about("forced_open", Kind::CircuitBreaker, name, text, help));
    }
    advice
}

/// Who did that last, and why.
fn by_whom(facts: &Facts<'_>, name: &str, is_it: impl Fn(&Act) -> bool) -> String {
    let events = (facts.events)(name);
    let last = events.iter().rev().find_map(|event| match event {
        Event::Steered { act, key: None, by, .. } if is_it(act) => Some(by.as_ref()),
        _ => None,
    });
    let by = last.flatten();
    let who = by.and_then(Steering::by).unwrap_or("hand").escape_debug();
    match by.and_then(Steering::why) {
        Some(why) => format!("by {who} ({})", why.escape_debug()),
        None => format!("by {who}"),
    }
}

fn shares_left_behind(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for breaker in &facts.policies.circuit_breakers {
        let (name, percent) = (&breaker.name, breaker.enforced_percent);
        let enforced_for = facts.past.and_then(|past| past.enforces_for(name)).map(Duration::from_secs);
        let Some(enforced_for) = enforced_for.filter(|time| (1..100).contains(&percent) && *time >= DAY) else {
            continue;
        };
        let by = by_whom(facts, name, |act| matches!(act, Act::EnforceShare(_)));
        let text = format!(
            "circuit breaker `{name}` has rejected only {percent} % of what it decides to reject for {}, set {by}",
            Spoken(enforced_for)
        );
        let help = format!(
            "if the roll-out is over, write `registry().steer(\"{}\").enforce()?`; otherwise raise the share",
            name.escape_debug()
        );
        advice.push(about("share_left_behind", Kind::CircuitBreaker, name, text, help));
    }
    advice
}

fn ready_to_enforce(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for breaker in facts.policies.circuit_breakers.iter().filter(|breaker| breaker.state == State::Monitoring) {
        let (name, monitored_for) = (&breaker.name, breaker.history.unwrap_or_default().time.monitoring);
        if monitored_for < DAY {
            continue;
        }
        let would = breaker.totals.would_reject;
        let text = format!(
            "circuit breaker `{name}` has only monitored for {}, and would have rejected {}",
            Spoken(monitored_for),
            Calls(would)
        );
        let shown = name.escape_debug();
        let by_setting = setting(&breaker.settings, "mode").is_some_and(|mode| mode == "monitor");
        let enforce = if by_setting {
            "`mode = enforce`".to_owned()
        } else {
            format!("`registry().steer(\"{shown}\").enforce()?`")
        };
        let help = match would {
            0 => format!("write {enforce}: nothing would have changed so far"),
            _ => format!(
                "write {enforce}, or begin with a tenth of them: `registry().steer(\"{shown}\").enforce_share(10)?`"
            ),
        };
        advice.push(about("ready_to_enforce", Kind::CircuitBreaker, name, text, help));
    }
    advice
}

fn minimum_calls_never_reached(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    // What is in the windows of keys is not known.
    for breaker in facts.policies.circuit_breakers.iter().filter(|breaker| breaker.keys.is_none()) {
        let name = &breaker.name;
        let (Some(window), Some(minimum)) =
            (setting(&breaker.settings, "window"), setting(&breaker.settings, "minimum_calls"))
        else {
            continue;
        };
        let (Some(rows), Some(busiest), Ok(minimum)) = (
            lasting(facts, Kind::CircuitBreaker, name, Step::TenSeconds, HOUR),
            facts.past.and_then(|past| past.busiest_window(name)),
            minimum.parse::<u32>(),
        ) else {
            continue;
        };
        let failures = sum(&rows, Kind::CircuitBreaker, "failures");
        if window == "none" || failures == 0 || busiest >= minimum {
            continue;
        }
        let text = format!(
            "circuit breaker `{name}` cannot open by its failure rate: in the last hour, in which {} failed, its window never had more than {}, and `minimum_calls` is {minimum}",
            Calls(failures),
            Calls(busiest.into())
        );
        let is_a_count = window.parse::<u32>().is_ok();
        let help = match busiest {
            _ if is_a_count => {
                "write a smaller `minimum_calls`, or `consecutive_failures`, which needs no volume".to_owned()
            }
            // A rate of fewer calls says little.
            0..5 => format!("write a longer `window` than {window}, or `consecutive_failures`, which needs no volume"),
            _ => format!("write `minimum_calls = {busiest}`, or a longer `window` than {window}"),
        };
        advice.push(about("minimum_calls_never_reached", Kind::CircuitBreaker, name, text, help));
    }
    advice
}

fn probes_time_out(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for breaker in &facts.policies.circuit_breakers {
        let StateHistory { openings, .. } = breaker.history.unwrap_or_default();
        let (timed_out, failed) = (openings.probe_timed_out, openings.probes_failed);
        if timed_out < 3 || timed_out <= failed {
            continue;
        }
        let (name, limit) = (&breaker.name, setting(&breaker.settings, "half_open_timeout").unwrap_or_default());
        let text = format!(
            "circuit breaker `{name}` has reopened {timed_out} times because a probe had not answered within `half_open_timeout` ({limit}), and {} because probes failed",
            Times(failed)
        );
        let help = "write `#[timeout(...)]` below the breaker, so that a probe that hangs fails in time, or a longer `half_open_timeout`";
        advice.push(about("probes_time_out", Kind::CircuitBreaker, name, text, help.to_owned()));
    }
    advice
}

fn failing_fallbacks(facts: &Facts<'_>) -> Vec<Advice> {
    let failing =
        facts.fallbacks.iter().filter(|fallback| fallback.failed >= OFTEN && fallback.failed > fallback.answered);
    let advice = failing.map(|Fallbacks { operation, location, answered, failed }| {
        let text = format!(
            "the fallback of `{operation}` ({location}) fails more than it helps: it failed {} and answered {}",
            Times(*failed),
            Times(*answered)
        );
        let help = "let it answer from what cannot fail, such as a constant or a cache, or leave `#[fallback]` out";
        about("fallback_fails", Kind::Fallback, operation, text, help.to_owned())
    });
    advice.collect()
}

fn fallbacks_that_answer_most(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for breaker in &facts.policies.circuit_breakers {
        let name = &breaker.name;
        let Some(rows) = lasting(facts, Kind::CircuitBreaker, name, Step::TenSeconds, HOUR) else { continue };
        let (calls, fallbacks) =
            (sum(&rows, Kind::CircuitBreaker, "calls"), sum(&rows, Kind::CircuitBreaker, "fallbacks"));
        if fallbacks < OFTEN || fallbacks <= calls / 2 {
            continue;
        }
        let text = format!(
            "the fallbacks of circuit breaker `{name}` have been asked for more than half of its calls for an hour: {fallbacks} of {calls}"
        );
        let help = "repair what it guards: `last_error` of its snapshot says what that failed with; where the fallback is as good as the answer, call it instead";
        advice.push(about("fallback_answers_most", Kind::CircuitBreaker, name, text, help.to_owned()));
    }
    advice
}

fn spent_budgets(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for retry in &facts.policies.retries {
        let (name, Some(budget)) = (&retry.name, retry.budget) else { continue };
        let over_budget = sum(&last(facts, Kind::Retry, name, Step::TenSeconds, HOUR), Kind::Retry, "over_budget");
        if over_budget == 0 {
            continue;
        }
        let text = format!(
            "retry `{name}` gave up on {} in the last hour because its budget of {budget} % was spent",
            Calls(over_budget)
        );
        let help = "write `#[circuit_breaker(...)]` below `#[retry]`, so that a dependency that is down is not asked again and again; if it is not down, write a larger `budget`";
        advice.push(about("retry_budget_spent", Kind::Retry, name, text, help.to_owned()));
    }
    advice
}

fn keys_that_overflow(facts: &Facts<'_>) -> Vec<Advice> {
    let policies = facts.policies;
    let breakers = policies.circuit_breakers.iter().map(|of| (Kind::CircuitBreaker, &of.name, of.keys, &of.settings));
    let bulkheads = policies.bulkheads.iter().map(|of| (Kind::Bulkhead, &of.name, of.keys, &of.settings));
    let limiters = policies.rate_limiters.iter().map(|of| (Kind::RateLimit, &of.name, of.keys, &of.settings));
    let overflowed = breakers.chain(bulkheads).chain(limiters).filter_map(|(kind, name, keys, settings)| {
        let KeyCounts { held, overflowed, .. } = keys.filter(|keys| keys.overflowed > 0)?;
        let max_keys: u64 = setting(settings, "max_keys")?.parse().ok()?;
        let text = format!(
            "{} had a key for which {} `{name}` has no instance of its own; `max_keys` is {max_keys}, and {held} are held",
            Calls(overflowed),
            Called(kind)
        );
        let help = if held < max_keys {
            "write a shorter `key`: one of more than 1 KiB has no instance of its own".to_owned()
        } else {
            format!("write a larger `max_keys`, such as `max_keys = {}`, or a `key` with fewer values", max_keys * 2)
        };
        Some(about("keys_overflow", kind, name, text, help))
    });
    overflowed.collect()
}

fn queues(facts: &Facts<'_>) -> Vec<Advice> {
    let mut advice = Vec::new();
    let with_queue =
        facts.policies.bulkheads.iter().filter(|bulkhead| bulkhead.max_queue > 0 && bulkhead.keys.is_none());
    for bulkhead in with_queue {
        let (name, queue, inside) = (&bulkhead.name, bulkhead.max_queue, bulkhead.max_concurrent);
        let waiting = |row: &Row| row.number(Kind::Bulkhead, "waiting");
        let of = |step, time| lasting(facts, Kind::Bulkhead, name, step, time);
        let always_full =
            of(Step::Second, 5 * HOUR / 60).is_some_and(|rows| rows.iter().all(|row| waiting(row) >= queue));
        if always_full {
            let text = format!(
                "the queue of bulkhead `{name}` has been full for five minutes: {queue} callers wait, and others are rejected"
            );
            let help = format!(
                "write a larger `max_concurrent` than {inside} if the dependency bears it; otherwise a smaller `max_queue`, so that nobody waits in vain"
            );
            advice.push(about("queue_always_full", Kind::Bulkhead, name, text, help));
        }
        let never_used = of(Step::Minute, 12 * HOUR)
            .is_some_and(|rows| sum(&rows, Kind::Bulkhead, "admitted") > 0 && rows.iter().all(|row| waiting(row) == 0));
        if never_used {
            let text = format!("nobody was seen waiting in the queue of bulkhead `{name}` for 12 hours");
            let help = format!(
                "leave `max_queue = {queue}` out; or, if the dependency bears fewer than {inside} calls at once, write a smaller `max_concurrent`"
            );
            advice.push(about("queue_never_used", Kind::Bulkhead, name, text, help));
        }
    }
    advice
}

fn shortened_history(facts: &Facts<'_>) -> Vec<Advice> {
    let Some(past) = facts.past else { return Vec::new() };
    let lost = past.lost();
    if lost.is_empty() && past.refused() == 0 {
        return Vec::new();
    }
    let first: Vec<String> = lost.iter().take(3).map(|lost| format!("`{}`", lost.name)).collect();
    let among = if first.is_empty() { String::new() } else { format!(", {} among them", first.join(", ")) };
    let text = format!(
        "the history takes {} of {} KiB: {} of the quietest policies have a shorter one than others{among}, and {} have none",
        past.bytes() >> 10,
        past.bound() >> 10,
        lost.len(),
        past.refused()
    );
    let mebibytes = past.bound().div_ceil(1 << 20) * 4;
    let help = format!("write `.history(History::of_bytes({mebibytes} << 20))`");
    vec![Advice { rule: "history_shortened", kind: None, name: None, text, help }]
}

/// The rows of the last so long.
fn last(facts: &Facts<'_>, kind: Kind, name: &str, step: Step, time: Duration) -> Vec<Row> {
    let rows = facts.past.and_then(|past| {
        let since = past.now()?.saturating_sub(time.as_secs()) + 1;
        past.past(kind, name, step, since)
    });
    rows.map_or_else(Vec::new, |past| past.rows.into_iter().flatten().collect())
}

/// The same, where somebody has looked nearly all of the time.
fn lasting(facts: &Facts<'_>, kind: Kind, name: &str, step: Step, time: Duration) -> Option<Vec<Row>> {
    let rows = last(facts, kind, name, step, time);
    let all = time.as_secs() / step.seconds();
    (rows.len() as u64 >= all - all / 20).then_some(rows)
}

fn sum(rows: &[Row], kind: Kind, column: &str) -> u64 {
    rows.iter().map(|row| row.number(kind, column)).sum()
}

fn setting<'s>(settings: &'s [Setting], key: &str) -> Option<&'s str> {
    settings.iter().find(|setting| setting.key == key).map(|setting| &*setting.value)
}

/// A kind of policy as one speaks of it.
struct Called(Kind);

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.as_str().replace('_', " "))
    }
}

struct Times(u64);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("never"),
            1 => f.write_str("once"),
            times => write!(f, "{times} times"),
        }
    }
}

struct Calls(u64);

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("no call"),
            1 => f.write_str("1 call"),
            calls => write!(f, "{calls} calls"),
        }
    }
}

/// A time in its largest unit.
struct Spoken(Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (number, unit) = match seconds {
            0..120 => (seconds, "second"),
            120..7200 => (seconds / 60, "minute"),
            7200..172_800 => (seconds / 3600, "hour"),
            _ => (seconds / 86_400, "day"),
        };
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}
