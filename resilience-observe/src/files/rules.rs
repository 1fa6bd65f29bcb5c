//! When somebody is to be told and what they can do then, and what Prometheus calculates beforehand.

use std::fmt::Write;

/// Where [the page about the alerts](crate::alerts) is published.
#[cfg_attr(docsrs, doc(cfg(feature = "files")))]
pub const RUNBOOKS: &str = "https://docs.rs/resilience-observe/latest/resilience_observe/alerts/index.html";

/// One alert. `LABEL` stands for the label that has the policy's name.
struct Alert {
    name: &'static str,
    expression: &'static str,
    lasts: Option<&'static str>,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
    runbook: Runbook,
}

/// What somebody reads who was woken.
struct Runbook {
    means: &'static str,
    look: &'static str,
    act: &'static str,
}

/// One recorded expression.
struct Record {
    name: &'static str,
    means: &'static str,
    expression: &'static str,
}

const RECORDS: &[Record] = &[
    Record {
        name: "resilience:circuit_breaker_unanswered:ratio_rate5m",
        means: "The share of the calls that the dependency did not answer: they failed, or the breaker rejected them.",
        expression: r#"sum by (job, LABEL) (rate(circuit_breaker_calls_total{outcome=~"failure|rejected"}[5m])) / sum by (job, LABEL) (rate(circuit_breaker_requests_total[5m]))"#,
    },
    Record {
        name: "resilience:circuit_breaker_answered:ratio_rate5m",
        means: "The share of the calls whose caller had an answer: from the dependency, or from the fallback.",
        expression: r#"clamp(1 - (sum by (job, LABEL) (rate(circuit_breaker_calls_total{outcome=~"failure|rejected"}[5m])) - sum by (job, LABEL) (rate(circuit_breaker_fallback_success_total[5m]))) / sum by (job, LABEL) (rate(circuit_breaker_requests_total[5m])), 0, 1)"#,
    },
    Record {
        name: "resilience:circuit_breaker_not_closed:ratio_rate1d",
        means: "The share of the last day in which the breaker was open, half-open or forced open.",
        expression: r#"sum by (job, LABEL) (rate(circuit_breaker_state_seconds_total{state=~"open|half_open|forced_open"}[1d])) / sum by (job, LABEL) (rate(circuit_breaker_state_seconds_total[1d]))"#,
    },
    Record {
        name: "resilience:circuit_breaker_call_duration_seconds:p99_rate5m",
        means: "How long 99 of 100 calls took at most, of breakers with `latency`.",
        expression: r#"histogram_quantile(0.99, sum by (job, LABEL, le) (rate(circuit_breaker_call_duration_seconds_bucket[5m])))"#,
    },
];

const ALERTS: &[Alert] = &[
    Alert {
        name: "CircuitBreakerOpen",
        // Not `== 1`: a breaker that opens, tries and opens again is half-open at some scrapes, each of which would begin the minute anew.
        // One open key makes the state of its breaker that of an open one: of many keys, CircuitBreakerKeysOpen tells.
        expression: "circuit_breaker_state > 0 unless circuit_breaker_keys >= 5",
        lasts: Some("1m"),
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} is open",
        description: "It rejects calls, or has just begun to try some again. What its dependency answered last is in the reason: circuit_breaker_openings_total, or the log.",
        runbook: Runbook {
            means: "The breaker has not been closed for a minute: its dependency failed often enough to open it, and its calls are rejected without being made. Where there is a fallback, that answers. Of a breaker with a `key` at least one key is open; from five keys on, `CircuitBreakerKeysOpen` tells instead.",
            look: "`circuit_breaker_openings_total` by `reason` says why it opened, and the log says what the last failure was, as does `/api/v1/circuit_breaker/NAME/events` with a token. `circuit_breaker_calls_total` by `outcome` shows when it began.",
            act: "See to the dependency: the breaker closes by itself once its probes succeed. If the dependency is well, the breaker is too sensitive: raise `failure_rate` or `minimum_calls`, or tell it by `ignore_if` or `classify` which errors are not the dependency's fault.",
        },
    },
    Alert {
        name: "HighFailureRate",
        // With the rejected ones: otherwise it ends as soon as the breaker opens, with the dependency still down.
        expression: r#"resilience:circuit_breaker_unanswered:ratio_rate5m > 0.1 and sum by (job, LABEL) (increase(circuit_breaker_requests_total[5m])) >= 20"#,
        lasts: Some("2m"),
        severity: "critical",
        summary: "{{ $value | humanizePercentage }} of the calls of {{ $labels.LABEL }} got no answer",
        description: "They failed, or the circuit breaker rejected them. Fallbacks may have answered: resilience:circuit_breaker_answered:ratio_rate5m.",
        runbook: Runbook {
            means: "More than a tenth of at least 20 calls in five minutes failed or were rejected. Rejected calls are counted because the dependency did not answer them either; without them this would end as soon as the breaker opens.",
            look: "`resilience:circuit_breaker_answered:ratio_rate5m` says what share of the callers got an answer, fallbacks included. `circuit_breaker_calls_total` by `outcome` says whether calls still fail (`failure`) or are kept away (`rejected`).",
            act: "See to the dependency. If calls fail for minutes and none is rejected, the breaker does not open: its threshold is above this rate, or `minimum_calls` are never in its window; `/api/v1/advice` says so.",
        },
    },
    Alert {
        name: "CircuitBreakerOpenInFleet",
        expression: "avg by (job, LABEL) (circuit_breaker_state > bool 0 unless circuit_breaker_keys >= 5) > 0.5 and count by (job, LABEL) (circuit_breaker_state) >= 2",
        lasts: Some("1m"),
        severity: "critical",
        summary: "Circuit breaker {{ $labels.LABEL }} is open in most instances of {{ $labels.job }}",
        description: "One instance may have a problem of its own. Most of them do not: the dependency is down.",
        runbook: Runbook {
            means: "The breaker is not closed in more than half of the instances, of which there are at least two. That is no problem of one instance: the dependency, or the way to it, is down for all of them.",
            look: "`circuit_breaker_state` by `instance`, and the same breaker of other jobs that call this dependency.",
            act: "Treat it as an outage of the dependency. Restarting instances does not help: a new one begins with a closed breaker and sends its full load until that opens.",
        },
    },
    Alert {
        name: "CircuitBreakerFlapping",
        expression: r#"increase(circuit_breaker_state_changes_total{state="open"}[10m]) > 3.5"#,
        lasts: None,
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} opens again and again",
        description: "It opened {{ $value | humanize }} times in ten minutes. Its dependency answers probes and not the load, or open_for is too short for it to recover.",
        runbook: Runbook {
            means: "The breaker opened at least four times in ten minutes. The dependency is neither up nor down.",
            look: "`circuit_breaker_openings_total` by `reason`: with `probes_failed` or `probe_timed_out` the dependency is not back yet when it is tried; with `failure_rate` or `slow_call_rate` it answers the probes and then fails under the load.",
            act: "In the first case raise `open_for`, or let it grow with `open_backoff`. In the second the dependency cannot take the load: limit it with a bulkhead or a rate limit, and raise `half_open_calls` so that more has to succeed before the breaker closes.",
        },
    },
    Alert {
        name: "CircuitBreakerForcedOpen",
        expression: r#"circuit_breaker_current_state{state="forced_open"} == 1"#,
        lasts: Some("1h"),
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} is still forced open",
        description: "Somebody forced it open an hour ago, and nothing but a hand closes it.",
        runbook: Runbook {
            means: "Somebody forced the breaker open at least an hour ago. It rejects every call, whatever the dependency does, until somebody ends it.",
            look: "The event `steered` says who did it and why: in the log, at `/api/v1/circuit_breaker/NAME/events`, and on the page.",
            act: "If the reason is gone, end it with the act `reset`. Next time `force_open_for` ends by itself.",
        },
    },
    Alert {
        name: "CircuitBreakerKeysOpen",
        expression: "circuit_breaker_keys_not_closed / circuit_breaker_keys > 0.2 and circuit_breaker_keys >= 5",
        lasts: Some("2m"),
        severity: "warning",
        summary: "{{ $value | humanizePercentage }} of the keys of {{ $labels.LABEL }} are open",
        description: "The breaker's own state says that one of its keys is open, and not how many: this does.",
        runbook: Runbook {
            means: "More than a fifth of the keys of this breaker, of which there are at least five, are not closed. Each key has a breaker of its own, and `circuit_breaker_state` is that of the worst.",
            look: "`/api/v1/circuit_breaker/NAME/keys` lists those that are not closed first; with `KeySeries::NotClosed` they are in `circuit_breaker_key_state`.",
            act: "See what these keys have in common, such as a region, a host or a version. If it is most of the keys, the dependency behind all of them is down.",
        },
    },
    Alert {
        name: "CircuitBreakerKeysOverflow",
        expression: "rate(circuit_breaker_key_overflows_total[5m]) > 0",
        lasts: Some("15m"),
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} has more keys than max_keys",
        description: "Calls of the keys beyond are watched together, and none of them is rejected. Raise max_keys, or choose a coarser key.",
        runbook: Runbook {
            means: "For a quarter of an hour, calls came with keys that found no room. They share one breaker, which counts them and rejects none, so these keys are not protected.",
            look: "`circuit_breaker_keys` beside `max_keys`, and `circuit_breaker_key_evictions_total`: how fast keys come and go. `/api/v1/advice` says whether there are too many, or whether they are longer than the 1 KiB that a key may have.",
            act: "Raise `max_keys` to more than are in use at once, or choose a key of fewer values: a tenant or a host, and not a user or a request.",
        },
    },
    Alert {
        name: "CircuitBreakerWouldReject",
        expression: r#"rate(circuit_breaker_would_rejects_total[5m]) > 0 and ignoring (state) circuit_breaker_current_state{state="monitoring"} == 1"#,
        lasts: Some("1h"),
        severity: "info",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} monitors, and would reject",
        description: "It has found something to protect from. See whether it was right, and let it enforce.",
        runbook: Runbook {
            means: "A breaker that only monitors has let calls through for an hour that it would have rejected.",
            look: "`circuit_breaker_would_rejects_total` beside `circuit_breaker_calls_total{outcome=\"failure\"}`: were the calls that it would have rejected the ones that failed? `circuit_breaker_decided_state` says what its state would be.",
            act: "If it was right, let it enforce: the act `enforce`, or `enforce_share` for a part of the calls first, and then the configuration. If it was wrong, correct its threshold, and let it monitor on.",
        },
    },
    Alert {
        name: "FallbackFailing",
        expression: "sum by (job, operation) (rate(resilience_fallback_failures_total[5m])) / sum by (job, operation) (rate(resilience_fallback_calls_total[5m])) > 0.05",
        lasts: Some("5m"),
        severity: "critical",
        summary: "{{ $value | humanizePercentage }} of the fallbacks of {{ $labels.operation }} fail",
        description: "Its callers get errors, although somebody meant them not to.",
        runbook: Runbook {
            means: "More than one in twenty of the calls for which the function's fallback was asked failed all the same. Their callers get an error.",
            look: "The spans of the function: `resilience.fallback.reason` is what the fallback answered for, `error.type` how it failed itself.",
            act: "A fallback should not need what the call needs: a database, a network or a lock that is down with it. Give it a last level that cannot fail, such as a constant.",
        },
    },
    Alert {
        name: "RetryBudgetSpent",
        expression: r#"rate(resilience_retry_gave_up_total{why="budget"}[5m]) > 0"#,
        lasts: Some("5m"),
        severity: "warning",
        summary: "The retries of {{ $labels.LABEL }} of {{ $labels.instance }} have spent their budget",
        description: "So many calls fail that retrying all of them would be a load of its own.",
        runbook: Runbook {
            means: "For five minutes, calls were not retried because retries had already reached the share of all calls that `budget` allows. So the dependency fails for many calls and not for a few.",
            look: "`resilience_retry_gave_up_total` by `why`, `resilience_retry_retries_total`, and the circuit breaker of the same dependency.",
            act: "See to the dependency. Do not raise the budget while it is down: retries would be the larger part of its load. If there is no circuit breaker around it, add one.",
        },
    },
    Alert {
        name: "BulkheadFull",
        expression: "sum without (why) (rate(resilience_bulkhead_rejects_total[5m])) > 0 or resilience_bulkhead_waiting / (resilience_bulkhead_queue_limit > 0) > 0.9",
        lasts: Some("5m"),
        severity: "warning",
        summary: "Bulkhead {{ $labels.LABEL }} of {{ $labels.instance }} is full",
        description: "Its dependency is slower than it was, or there are more calls than it was made for.",
        runbook: Runbook {
            means: "For five minutes the bulkhead turned calls away, or nine tenths of its queue were taken.",
            look: "`resilience_bulkhead_inside` beside `resilience_bulkhead_limit`, and how long the calls take: `circuit_breaker_call_duration_seconds` of a breaker with `latency`.",
            act: "If calls take longer than they did, see to the dependency, and put a timeout inside of the bulkhead so that a call that hangs gives its place back. If there are simply more calls, raise `max_concurrent` to what the dependency can take.",
        },
    },
    Alert {
        name: "BulkheadKeysOverflow",
        expression: "rate(resilience_bulkhead_key_overflows_total[5m]) > 0",
        lasts: Some("15m"),
        severity: "warning",
        summary: "Bulkhead {{ $labels.LABEL }} of {{ $labels.instance }} has more keys than max_keys",
        description: "The keys beyond share one bulkhead, so one of them can keep the others out. Raise max_keys, or choose a coarser key.",
        runbook: Runbook {
            means: "For a quarter of an hour, calls came with keys that found no room: every bulkhead that `max_keys` allows had calls in it. These keys share one bulkhead, and reject calls that a bulkhead of their own would let in.",
            look: "`resilience_bulkhead_keys` beside `max_keys`, `resilience_bulkhead_key_evictions_total`: how fast keys come and go, and `/api/v1/bulkhead/NAME/keys`: which keys have calls inside. `/api/v1/advice` says whether there are too many, or whether they are longer than the 1 KiB that a key may have.",
            act: "Raise `max_keys` to more than are in use at once, or choose a key of fewer values. If calls hang, so that no bulkhead gets empty, put a timeout inside of it.",
        },
    },
    Alert {
        name: "RateLimited",
        expression: "rate(resilience_rate_limit_rejects_total[5m]) / (rate(resilience_rate_limit_allowed_total[5m]) + rate(resilience_rate_limit_rejects_total[5m])) > 0.05",
        lasts: Some("10m"),
        severity: "info",
        summary: "{{ $value | humanizePercentage }} of the calls of {{ $labels.LABEL }} are over the rate limit",
        description: "There are more calls than the limit allows.",
        runbook: Runbook {
            means: "More than one in twenty calls were over the rate limit for ten minutes.",
            look: "`resilience_rate_limit_allowed_total` and `resilience_rate_limit_rejects_total` beside `resilience_rate_limit_limit_per_second`; with a key, which of them is over: `/api/v1/rate_limit/NAME/keys`.",
            act: "If the limit is what the dependency allows, send less, or let calls wait with `max_wait`. Otherwise raise the rate.",
        },
    },
    Alert {
        name: "RateLimitKeysOverflow",
        expression: "rate(resilience_rate_limit_key_overflows_total[5m]) > 0",
        lasts: Some("15m"),
        severity: "warning",
        summary: "Rate limiter {{ $labels.LABEL }} of {{ $labels.instance }} has more keys than max_keys",
        description: "The keys beyond share their limits with other keys. Raise max_keys, or choose a coarser key.",
        runbook: Runbook {
            means: "For a quarter of an hour, calls came with keys that found no room: every limiter that `max_keys` allows was in use. These keys share 64 limiters, so one of them can use up what others may send.",
            look: "`resilience_rate_limit_keys` beside `max_keys`, `resilience_rate_limit_key_evictions_total`: how fast keys come and go, and `/api/v1/rate_limit/NAME/keys`: which keys there are. `/api/v1/advice` says whether there are too many, or whether they are longer than the 1 KiB that a key may have.",
            act: "Raise `max_keys` to more than are in use at once, or choose a key of fewer values: a tenant, and not an address or a request.",
        },
    },
    Alert {
        name: "ResilienceConfigRefused",
        // One that was refused before the first scrape is no increase of anything.
        expression: "increase(resilience_config_refused_total[10m]) > 0 or (resilience_config_refused_total > 0 unless resilience_config_refused_total offset 10m)",
        lasts: None,
        severity: "warning",
        summary: "{{ $labels.instance }} has refused a configuration",
        description: "What was in force stays. The log says what is wrong with the file, and in which line.",
        runbook: Runbook {
            means: "A configuration file, a variable or a call by hand said something that is not allowed. None of it was taken over: what was in force before is in force now.",
            look: "The log says at level ERROR which file, which line and what is wrong; `/api/v1/advice` says it to whoever has a token.",
            act: "Correct the file. A file that is followed is read again as soon as it is written.",
        },
    },
    Alert {
        name: "ResilienceSeriesFolded",
        expression: "resilience_folded_policies > 0",
        lasts: Some("15m"),
        severity: "info",
        summary: "{{ $labels.instance }} has more policies than series",
        description: "{{ $value }} of kind {{ $labels.kind }} are told together as (other). Raise fold_beyond, or give functions that belong together one name.",
        runbook: Runbook {
            means: "The instance has more policies of this kind than `fold_beyond` allows series for. Those that came last are told together under the name `(other)`, so no alert can name them.",
            look: "`resilience_policies` and `resilience_folded_policies` by `kind`, and the names at `/api/v1/policies`: names that hold an id or an address never end.",
            act: "Give functions that call the same dependency one name. If there really are so many policies, raise `fold_beyond` on the observer.",
        },
    },
];

/// Alerts and recording rules for Prometheus, as YAML; `label` is what [`ObserverBuilder::label`](crate::ObserverBuilder::label) was given, `service` by default.
///
/// `runbooks` is the address of a page with a heading for each alert, to which its `runbook_url` leads: [`RUNBOOKS`], or a page of your own.
///
/// ```
/// use resilience_observe::{RUNBOOKS, prometheus_rules};
///
/// let rules = prometheus_rules("breaker", RUNBOOKS);
/// assert!(rules.contains("summary: 'Circuit breaker {{ $labels.breaker }} of {{ $labels.instance }} is open'"));
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "files")))]
pub fn prometheus_rules(label: &str, runbooks: &str) -> String {
    let mut yaml = String::from("groups:\n  - name: resilience\n    rules:\n");
    let text = |text: &str| quoted(&text.replace("LABEL", label));
    for Record { name, expression, .. } in RECORDS {
        let _ = writeln!(yaml, "      - record: {name}\n        expr: {}", text(expression));
    }
    for Alert { name, expression, lasts, severity, summary, description, .. } in ALERTS {
        let _ = writeln!(yaml, "      - alert: {name}\n        expr: {}", text(expression));
        if let Some(lasts) = lasts {
            let _ = writeln!(yaml, "        for: {lasts}");
        }
        let _ = writeln!(yaml, "        labels:\n          severity: {severity}\n        annotations:");
        let _ = writeln!(yaml, "          summary: {}\n          description: {}", text(summary), text(description));
        // The anchor that rustdoc, and whoever else shows Markdown, gives to a heading of one word.
        let anchor = name.to_ascii_lowercase();
        let _ = writeln!(yaml, "          runbook_url: {}", quoted(&format!("{runbooks}#{anchor}")));
    }
    yaml
}

/// The page that `runbook_url` leads to, as Markdown.
#[cfg_attr(docsrs, doc(cfg(feature = "files")))]
pub fn alert_runbooks(label: &str) -> String {
    let mut page = String::from(
        "# Alerts\n\nWhat each alert means, what to look at, and what to do. `NAME` is the name of the policy, percent-encoded; the paths are those of the program's own port.\n",
    );
    for Alert { name, expression, lasts, severity, runbook: Runbook { means, look, act }, .. } in ALERTS {
        let lasts = lasts.map_or("at once".to_owned(), |lasts| format!("after {lasts}"));
        let _ = write!(page, "\n## {name}\n\nSeverity {severity}, {lasts}.\n\n{}", fenced(expression, label));
        let _ = write!(page, "\n{means}\n\n**What to look at.** {look}\n\n**What to do.** {act}\n");
    }
    page.push_str("\n## Recording rules\n");
    for Record { name, means, expression } in RECORDS {
        let _ = write!(page, "\n`{name}`: {means}\n\n{}", fenced(expression, label));
    }
    page
}

/// As Markdown shows a query.
fn fenced(expression: &str, label: &str) -> String {
    format!("```promql\n{}\n```\n", expression.replace("LABEL", label))
}

/// In quotes in which YAML knows one escape.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
