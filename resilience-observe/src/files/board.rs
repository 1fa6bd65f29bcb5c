//! A dashboard for Grafana: what is shown, in which order.

use serde_json::{Value, json};

/// One panel. `LABEL` stands for the label that has the policy's name.
struct Panel {
    title: &'static str,
    shown_as: ShownAs,
    unit: &'static str,
    /// Twenty-fourths of the width.
    width: u64,
    queries: &'static [Query],
}

/// What is asked for, and what each series is called.
struct Query(&'static str, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum ShownAs {
    Stat,
    Lines,
    Stacked,
    States,
    /// Of the buckets of a histogram.
    Heat,
}

struct Row {
    title: &'static str,
    panels: &'static [Panel],
}

const HEIGHT: u64 = 8;

const fn lines(title: &'static str, unit: &'static str, queries: &'static [Query]) -> Panel {
    Panel { title, shown_as: ShownAs::Lines, unit, width: 12, queries }
}

const fn stacked(title: &'static str, unit: &'static str, queries: &'static [Query]) -> Panel {
    Panel { shown_as: ShownAs::Stacked, ..lines(title, unit, queries) }
}

const fn stat(title: &'static str, queries: &'static [Query]) -> Panel {
    Panel { title, shown_as: ShownAs::Stat, unit: "short", width: 6, queries }
}

const ROWS: &[Row] = &[
    Row {
        title: "Circuit breakers",
        panels: &[
            stat("Open", &[Query("count(SELECTED(circuit_breaker_state) == 1) or vector(0)", "open")]),
            stat("Half-open", &[Query("count(SELECTED(circuit_breaker_state) == 2) or vector(0)", "half-open")]),
            stat("Keys not closed", &[Query("sum(SELECTED(circuit_breaker_keys_not_closed)) or vector(0)", "keys")]),
            stat(
                "Policies",
                &[Query("sum by (kind) (resilience_policies{job=~\"$job\", instance=~\"$instance\"})", "{{kind}}")],
            ),
            Panel {
                title: "State",
                shown_as: ShownAs::States,
                unit: "short",
                width: 24,
                queries: &[Query("SELECTED(circuit_breaker_state)", "{{LABEL}} {{instance}}")],
            },
            lines(
                "Failed, of the calls in the window",
                "percentunit",
                &[Query(
                    "SELECTED(circuit_breaker_window_failures) / (SELECTED(circuit_breaker_window_calls) > 0)",
                    "{{LABEL}} {{instance}}",
                )],
            ),
            stacked(
                "Calls by outcome",
                "reqps",
                &[Query(
                    "sum by (outcome) (rate(SELECTED(circuit_breaker_calls_total)[$__rate_interval]))",
                    "{{outcome}}",
                )],
            ),
            lines(
                "Without an answer: failed or rejected",
                "percentunit",
                &[Query(
                    "sum by (LABEL) (rate(SELECTED(circuit_breaker_calls_total, outcome=~\"failure|rejected\")[$__rate_interval])) / sum by (LABEL) (rate(SELECTED(circuit_breaker_requests_total)[$__rate_interval]))",
                    "{{LABEL}}",
                )],
            ),
            stacked(
                "Openings by reason",
                "short",
                &[Query(
                    "sum by (reason) (increase(SELECTED(circuit_breaker_openings_total)[$__rate_interval]))",
                    "{{reason}}",
                )],
            ),
            lines(
                "Share of the time not closed",
                "percentunit",
                &[Query(
                    "sum by (LABEL) (rate(SELECTED(circuit_breaker_state_seconds_total, state=~\"open|half_open|forced_open\")[$__rate_interval])) / sum by (LABEL) (rate(SELECTED(circuit_breaker_state_seconds_total)[$__rate_interval]))",
                    "{{LABEL}}",
                )],
            ),
            lines(
                "Length of the last outage",
                "s",
                &[Query("max by (LABEL) (SELECTED(circuit_breaker_recovery_duration_seconds))", "{{LABEL}}")],
            ),
            lines(
                "Slow calls, and calls that a monitoring breaker would reject",
                "reqps",
                &[
                    Query(
                        "sum by (LABEL) (rate(SELECTED(circuit_breaker_slow_calls_total)[$__rate_interval]))",
                        "{{LABEL}} slow",
                    ),
                    Query(
                        "sum by (LABEL) (rate(SELECTED(circuit_breaker_would_rejects_total)[$__rate_interval]))",
                        "{{LABEL}} would reject",
                    ),
                ],
            ),
        ],
    },
    Row {
        title: "Latency, of the circuit breakers for which it is on",
        panels: &[
            Panel {
                title: "Calls by how long they took",
                shown_as: ShownAs::Heat,
                unit: "s",
                width: 12,
                queries: &[Query(
                    "sum by (le) (increase(SELECTED(circuit_breaker_call_duration_seconds_bucket)[$__rate_interval]))",
                    "{{le}}",
                )],
            },
            lines(
                "What 99 of 100 calls took at most",
                "s",
                &[Query(
                    "histogram_quantile(0.99, sum by (LABEL, le) (rate(SELECTED(circuit_breaker_call_duration_seconds_bucket)[$__rate_interval])))",
                    "{{LABEL}}",
                )],
            ),
            lines(
                "Percentiles of all calls",
                "s",
                &[
                    Query(
                        "histogram_quantile(0.5, sum by (le) (rate(SELECTED(circuit_breaker_call_duration_seconds_bucket)[$__rate_interval])))",
                        "50 %",
                    ),
                    Query(
                        "histogram_quantile(0.95, sum by (le) (rate(SELECTED(circuit_breaker_call_duration_seconds_bucket)[$__rate_interval])))",
                        "95 %",
                    ),
                    Query(
                        "histogram_quantile(0.99, sum by (le) (rate(SELECTED(circuit_breaker_call_duration_seconds_bucket)[$__rate_interval])))",
                        "99 %",
                    ),
                ],
            ),
            lines(
                "Mean, by outcome",
                "s",
                &[Query(
                    "sum by (outcome) (rate(SELECTED(circuit_breaker_call_duration_seconds_sum)[$__rate_interval])) / sum by (outcome) (rate(SELECTED(circuit_breaker_call_duration_seconds_count)[$__rate_interval]))",
                    "{{outcome}}",
                )],
            ),
        ],
    },
    Row {
        title: "Fallbacks",
        panels: &[
            lines(
                "Fallbacks asked",
                "reqps",
                &[Query(
                    "sum by (operation) (rate(resilience_fallback_calls_total{job=~\"$job\", instance=~\"$instance\"}[$__rate_interval]))",
                    "{{operation}}",
                )],
            ),
            lines(
                "Fallbacks that failed too",
                "reqps",
                &[Query(
                    "sum by (operation) (rate(resilience_fallback_failures_total{job=~\"$job\", instance=~\"$instance\"}[$__rate_interval]))",
                    "{{operation}}",
                )],
            ),
        ],
    },
    Row {
        title: "Retries and timeouts",
        panels: &[
            lines(
                "Retries, and calls that they saved",
                "reqps",
                &[
                    Query(
                        "sum by (LABEL) (rate(SELECTED(resilience_retry_retries_total)[$__rate_interval]))",
                        "{{LABEL}} retries",
                    ),
                    Query(
                        "sum by (LABEL) (rate(SELECTED(resilience_retry_recovered_total)[$__rate_interval]))",
                        "{{LABEL}} saved",
                    ),
                ],
            ),
            stacked(
                "Gave up, by why",
                "reqps",
                &[Query("sum by (why) (rate(SELECTED(resilience_retry_gave_up_total)[$__rate_interval]))", "{{why}}")],
            ),
            lines(
                "Timeouts",
                "reqps",
                &[Query(
                    "sum by (LABEL) (rate(SELECTED(resilience_timeout_timeouts_total)[$__rate_interval]))",
                    "{{LABEL}}",
                )],
            ),
        ],
    },
    Row {
        title: "Bulkheads and rate limits",
        panels: &[
            lines(
                "Inside, of those that fit in",
                "percentunit",
                &[Query(
                    "SELECTED(resilience_bulkhead_inside) / SELECTED(resilience_bulkhead_limit)",
                    "{{LABEL}} {{instance}}",
                )],
            ),
            lines("Waiting", "short", &[Query("SELECTED(resilience_bulkhead_waiting)", "{{LABEL}} {{instance}}")]),
            lines(
                "Not let in",
                "reqps",
                &[Query(
                    "sum by (LABEL, why) (rate(SELECTED(resilience_bulkhead_rejects_total)[$__rate_interval]))",
                    "{{LABEL}} {{why}}",
                )],
            ),
            lines(
                "Over the rate limit",
                "reqps",
                &[Query(
                    "sum by (LABEL) (rate(SELECTED(resilience_rate_limit_rejects_total)[$__rate_interval]))",
                    "{{LABEL}}",
                )],
            ),
        ],
    },
    Row {
        title: "Keys",
        panels: &[
            lines(
                "Keys not closed, full or exhausted",
                "short",
                &[
                    Query("sum(SELECTED(circuit_breaker_keys_not_closed)) or vector(0)", "circuit breakers"),
                    Query("sum(SELECTED(resilience_bulkhead_keys_full)) or vector(0)", "bulkheads"),
                    Query("sum(SELECTED(resilience_rate_limit_keys_exhausted)) or vector(0)", "rate limiters"),
                ],
            ),
            lines(
                "Calls whose key found no room",
                "reqps",
                &[
                    Query(
                        "sum(rate(SELECTED(circuit_breaker_key_overflows_total)[$__rate_interval])) or vector(0)",
                        "circuit breakers",
                    ),
                    Query(
                        "sum(rate(SELECTED(resilience_bulkhead_key_overflows_total)[$__rate_interval])) or vector(0)",
                        "bulkheads",
                    ),
                    Query(
                        "sum(rate(SELECTED(resilience_rate_limit_key_overflows_total)[$__rate_interval])) or vector(0)",
                        "rate limiters",
                    ),
                ],
            ),
        ],
    },
];

/// A dashboard for Grafana, as JSON to be imported; `label` is what [`ObserverBuilder::label`](crate::ObserverBuilder::label) was given, `service` by default.
#[cfg_attr(docsrs, doc(cfg(feature = "files")))]
pub fn grafana_board(label: &str) -> String {
    let mut panels = Vec::new();
    let (mut id, mut y) = (0, 0);
    let mut next_id = || {
        id += 1;
        id
    };
    for row in ROWS {
        panels.push(json!({
            "id": next_id(), "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": y, "w": 24, "h": 1 },
        }));
        y += 1;
        let mut x = 0;
        for panel in row.panels {
            if x + panel.width > 24 {
                (x, y) = (0, y + HEIGHT);
            }
            let place = json!({ "x": x, "y": y, "w": panel.width, "h": HEIGHT });
            panels.push(self::panel(panel, next_id(), place, label));
            x += panel.width;
        }
        y += HEIGHT;
    }
    let board = json!({
        "title": "Resilience",
        "uid": "resilience",
        "schemaVersion": 41,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "10s",
        "tags": ["resilience"],
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "browser",
        "templating": { "list": variables(label) },
        "annotations": { "list": [{
            "name": "Openings",
            "datasource": data_source(),
            "enable": true,
            "iconColor": "red",
            "target": {
                "refId": "Anno",
                "expr": selected("changes(SELECTED(circuit_breaker_current_state, state=\"open\")[1m]) > 0", label),
            },
            "titleFormat": format!("{{{{{label}}}}}"),
        }] },
        "panels": panels,
    });
    let mut text = serde_json::to_string_pretty(&board).unwrap_or_default();
    text.push('\n');
    text
}

fn data_source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// `SELECTED(metric)`, and `SELECTED(metric, matcher)`: with what the dashboard's variables select.
fn selected(expression: &str, label: &str) -> String {
    let mut parts = expression.split("SELECTED(");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, rest) = part.split_once(')').unwrap_or((part, ""));
        let (metric, matcher) = inside.split_once(", ").unwrap_or((inside, ""));
        let matcher = if matcher.is_empty() { String::new() } else { format!(", {matcher}") };
        text += &format!("{metric}{{job=~\"$job\", instance=~\"$instance\", {label}=~\"${label}\"{matcher}}}{rest}");
    }
    text.replace("LABEL", label)
}

fn variables(label: &str) -> Vec<Value> {
    let of_label = |name: &str, metric: String| {
        json!({
            "name": name,
            "label": name,
            "type": "query",
            "datasource": data_source(),
            "query": format!("label_values({metric}, {name})"),
            "refresh": 2,
            "multi": true,
            "includeAll": true,
            "allValue": ".*",
            "current": { "text": ["All"], "value": ["$__all"] },
        })
    };
    vec![
        json!({ "name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus" }),
        of_label("job", "circuit_breaker_state".to_owned()),
        of_label("instance", "circuit_breaker_state{job=~\"$job\"}".to_owned()),
        of_label(label, "circuit_breaker_state{job=~\"$job\", instance=~\"$instance\"}".to_owned()),
    ]
}

fn panel(panel: &Panel, id: u64, place: Value, label: &str) -> Value {
    let targets: Vec<_> = panel
        .queries
        .iter()
        .zip('A'..)
        .map(|(Query(expression, legend), id)| {
            let mut target = json!({
                "refId": id,
                "datasource": data_source(),
                "expr": selected(expression, label),
                "legendFormat": legend.replace("LABEL", label),
            });
            if panel.shown_as == ShownAs::Heat {
                target["format"] = json!("heatmap");
            }
            target
        })
        .collect();
    let custom = match panel.shown_as {
        ShownAs::Stat | ShownAs::Heat => json!({}),
        ShownAs::Lines => json!({ "drawStyle": "line", "fillOpacity": 0, "lineWidth": 1 }),
        ShownAs::Stacked => {
            json!({ "drawStyle": "line", "fillOpacity": 40, "lineWidth": 1, "stacking": { "group": "A", "mode": "normal" } })
        }
        ShownAs::States => json!({ "fillOpacity": 80, "lineWidth": 0 }),
    };
    let mut defaults = json!({ "unit": panel.unit, "custom": custom });
    if panel.shown_as == ShownAs::States {
        let state = |text: &str, color: &str| json!({ "text": text, "color": color });
        defaults["mappings"] = json!([{
            "type": "value",
            "options": { "0": state("closed", "green"), "1": state("open", "red"), "2": state("half-open", "yellow") },
        }]);
    }
    let (kind, options) = match panel.shown_as {
        ShownAs::Stat => ("stat", json!({ "reduceOptions": { "calcs": ["lastNotNull"] }, "colorMode": "value" })),
        ShownAs::States => ("state-timeline", json!({ "mergeValues": true, "showValue": "auto" })),
        // The series are buckets already.
        ShownAs::Heat => ("heatmap", json!({ "calculate": false, "yAxis": { "unit": panel.unit } })),
        ShownAs::Lines | ShownAs::Stacked => (
            "timeseries",
            json!({ "legend": { "displayMode": "list", "placement": "bottom" }, "tooltip": { "mode": "multi" } }),
        ),
    };
    json!({
        "id": id,
        "type": kind,
        "title": panel.title,
        "datasource": data_source(),
        "gridPos": place,
        "targets": targets,
        "fieldConfig": { "defaults": defaults, "overrides": [] },
        "options": options,
    })
}
