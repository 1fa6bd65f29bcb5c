//! When somebody is to be told, and what Prometheus calculates beforehand.

use std::fmt::Write;

/// One alert. `LABEL` stands for the label that has the policy's name.
struct Alert {
    name: &'static str,
    expression: &'static str,
    lasts: Option<&'static str>,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
}

/// One recorded expression.
struct Record {
    name: &'static str,
    expression: &'static str,
}

const RECORDS: &[Record] = &[
    // What the dependency did not answer: a call that its breaker rejects got no answer either.
    Record {
        name: "resilience:circuit_breaker_unanswered:ratio_rate5m",
        expression: r#"sum by (job, LABEL) (rate(circuit_breaker_calls_total{outcome=~"failure|rejected"}[5m])) / sum by (job, LABEL) (rate(circuit_breaker_requests_total[5m]))"#,
    },
    // What the caller had an answer to: from the dependency, or from the fallback.
    Record {
        name: "resilience:circuit_breaker_answered:ratio_rate5m",
        expression: r#"clamp(1 - (sum by (job, LABEL) (rate(circuit_breaker_calls_total{outcome=~"failure|rejected"}[5m])) - sum by (job, LABEL) (rate(circuit_breaker_fallback_success_total[5m]))) / sum by (job, LABEL) (rate(circuit_breaker_requests_total[5m])), 0, 1)"#,
    },
    Record {
        name: "resilience:circuit_breaker_not_closed:ratio_rate1d",
        expression: r#"sum by (job, LABEL) (rate(circuit_breaker_state_seconds_total{state=~"open|half_open|forced_open"}[1d])) / sum by (job, LABEL) (rate(circuit_breaker_state_seconds_total[1d]))"#,
    },
    // Of breakers for which `latency` is on.
    Record {
        name: "resilience:circuit_breaker_call_duration_seconds:p99_rate5m",
        expression: r#"histogram_quantile(0.99, sum by (job, LABEL, le) (rate(circuit_breaker_call_duration_seconds_bucket[5m])))"#,
    },
];

const ALERTS: &[Alert] = &[
    Alert {
        name: "CircuitBreakerOpen",
        // Not `== 1`: a breaker that opens, tries and opens again is half-open at some scrapes, each of which would begin the minute anew.
        expression: "circuit_breaker_state > 0",
        lasts: Some("1m"),
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} is open",
        description: "It rejects calls, or has just begun to try some again. What its dependency answered last is in the reason: circuit_breaker_openings_total, or the log.",
    },
    Alert {
        name: "HighFailureRate",
        // With the rejected ones: otherwise it ends as soon as the breaker opens, with the dependency still down.
        expression: r#"resilience:circuit_breaker_unanswered:ratio_rate5m > 0.1 and sum by (job, LABEL) (increase(circuit_breaker_requests_total[5m])) >= 20"#,
        lasts: Some("2m"),
        severity: "critical",
        summary: "{{ $value | humanizePercentage }} of the calls of {{ $labels.LABEL }} got no answer",
        description: "They failed, or the circuit breaker rejected them. Fallbacks may have answered: resilience:circuit_breaker_answered:ratio_rate5m.",
    },
    Alert {
        name: "CircuitBreakerOpenInFleet",
        expression: "avg by (job, LABEL) (circuit_breaker_state > bool 0) > 0.5 and count by (job, LABEL) (circuit_breaker_state) >= 2",
        lasts: Some("1m"),
        severity: "critical",
        summary: "Circuit breaker {{ $labels.LABEL }} is open in most instances of {{ $labels.job }}",
        description: "One instance may have a problem of its own. Most of them do not: the dependency is down.",
    },
    Alert {
        name: "CircuitBreakerFlapping",
        expression: r#"increase(circuit_breaker_state_changes_total{state="open"}[10m]) > 3.5"#,
        lasts: None,
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} opens again and again",
        description: "It opened {{ $value | humanize }} times in ten minutes. Its dependency answers probes and not the load, or open_for is too short for it to recover.",
    },
    Alert {
        name: "CircuitBreakerForcedOpen",
        expression: r#"circuit_breaker_current_state{state="forced_open"} == 1"#,
        lasts: Some("1h"),
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} is still forced open",
        description: "Somebody forced it open an hour ago, and nothing but a hand closes it.",
    },
    Alert {
        name: "CircuitBreakerKeysOpen",
        expression: "circuit_breaker_keys_not_closed / circuit_breaker_keys > 0.2 and circuit_breaker_keys >= 5",
        lasts: Some("2m"),
        severity: "warning",
        summary: "{{ $value | humanizePercentage }} of the keys of {{ $labels.LABEL }} are open",
        description: "The state of a breaker with keys is not that of its keys, so this alone tells of them.",
    },
    Alert {
        name: "CircuitBreakerKeysOverflow",
        expression: "rate(circuit_breaker_key_overflows_total[5m]) > 0",
        lasts: Some("15m"),
        severity: "warning",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} has more keys than max_keys",
        description: "Calls of the keys beyond are watched together, and none of them is rejected. Raise max_keys, or choose a coarser key.",
    },
    Alert {
        name: "CircuitBreakerWouldReject",
        expression: r#"rate(circuit_breaker_would_rejects_total[5m]) > 0 and ignoring (state) circuit_breaker_current_state{state="monitoring"} == 1"#,
        lasts: Some("1h"),
        severity: "info",
        summary: "Circuit breaker {{ $labels.LABEL }} of {{ $labels.instance }} monitors, and would reject",
        description: "It has found something to protect from. See whether it was right, and let it enforce.",
    },
    Alert {
        name: "FallbackFailing",
        expression: "sum by (job, operation) (rate(resilience_fallback_failures_total[5m])) / sum by (job, operation) (rate(resilience_fallback_calls_total[5m])) > 0.05",
        lasts: Some("5m"),
        severity: "critical",
        summary: "{{ $value | humanizePercentage }} of the fallbacks of {{ $labels.operation }} fail",
        description: "Its callers get errors, although somebody meant them not to.",
    },
    Alert {
        name: "RetryBudgetSpent",
        expression: r#"rate(resilience_retry_gave_up_total{why="budget"}[5m]) > 0"#,
        lasts: Some("5m"),
        severity: "warning",
        summary: "The retries of {{ $labels.LABEL }} of {{ $labels.instance }} have spent their budget",
        description: "So many calls fail that retrying all of them would be a load of its own.",
    },
    Alert {
        name: "BulkheadFull",
        expression: "sum without (why) (rate(resilience_bulkhead_rejects_total[5m])) > 0 or resilience_bulkhead_waiting / (resilience_bulkhead_queue_limit > 0) > 0.9",
        lasts: Some("5m"),
        severity: "warning",
        summary: "Bulkhead {{ $labels.LABEL }} of {{ $labels.instance }} is full",
        description: "Its dependency is slower than it was, or there are more calls than it was made for.",
    },
    Alert {
        name: "RateLimited",
        expression: "rate(resilience_rate_limit_rejects_total[5m]) / (rate(resilience_rate_limit_allowed_total[5m]) + rate(resilience_rate_limit_rejects_total[5m])) > 0.05",
        lasts: Some("10m"),
        severity: "info",
        summary: "{{ $value | humanizePercentage }} of the calls of {{ $labels.LABEL }} are over the rate limit",
        description: "There are more calls than the limit allows.",
    },
    Alert {
        name: "ResilienceConfigRefused",
        expression: "increase(resilience_config_refused_total[10m]) > 0",
        lasts: None,
        severity: "warning",
        summary: "{{ $labels.instance }} has refused a configuration",
        description: "What was in force stays. The log says what is wrong with the file, and in which line.",
    },
    Alert {
        name: "ResilienceSeriesFolded",
        expression: "resilience_folded_policies > 0",
        lasts: Some("15m"),
        severity: "info",
        summary: "{{ $labels.instance }} has more policies than series",
        description: "{{ $value }} of kind {{ $labels.kind }} are told together as (other). Raise fold_beyond, or give functions that belong together one name.",
    },
];

/// Alerts and recording rules for Prometheus, as YAML; `label` is what [`ObserverBuilder::label`](crate::ObserverBuilder::label) was given, `service` by default.
#[cfg_attr(docsrs, doc(cfg(feature = "files")))]
pub fn prometheus_rules(label: &str) -> String {
    let mut yaml = String::from("groups:\n  - name: resilience\n    rules:\n");
    let text = |text: &str| quoted(&text.replace("LABEL", label));
    for Record { name, expression } in RECORDS {
        let _ = writeln!(yaml, "      - record: {name}\n        expr: {}", text(expression));
    }
    for Alert { name, expression, lasts, severity, summary, description } in ALERTS {
        let _ = writeln!(yaml, "      - alert: {name}\n        expr: {}", text(expression));
        if let Some(lasts) = lasts {
            let _ = writeln!(yaml, "        for: {lasts}");
        }
        let _ = writeln!(yaml, "        labels:\n          severity: {severity}\n        annotations:");
        let _ = writeln!(yaml, "          summary: {}\n          description: {}", text(summary), text(description));
    }
    yaml
}

/// In quotes in which YAML knows one escape.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
