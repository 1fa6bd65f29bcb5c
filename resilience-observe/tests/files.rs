//! What is generated from the table of metrics and committed is what the table says. `UPDATE=1` writes it.

#![cfg(feature = "files")]

use resilience_observe::{Family, MetricKind, RUNBOOKS, alert_runbooks, families, grafana_board, prometheus_rules};
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// From the folder of the workspace. The packaged crate has none of it, and is not tested.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn compare(name: &str, expected: &str) {
    let path = path(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is not current: UPDATE=1 cargo test -p resilience-observe --test files");
}

#[test]
fn the_table_of_metrics_is_documented() {
    let mut table = String::from("| name | kind | labels | meaning |\n|---|---|---|---|\n");
    for family in families() {
        let mut labels: Vec<_> = family.labels("service").iter().map(|label| format!("`{label}`")).collect();
        if let Some((label, values)) = family.words().filter(|(label, _)| *label != "version") {
            let place = labels.iter().position(|other| *other == format!("`{label}`")).unwrap();
            labels[place] = format!("`{label}`: {}", values.join(", "));
        }
        let (name, kind, help) = (family.name(), family.kind().as_str(), family.help());
        let alias = if family.is_alias() { " Alias." } else { "" };
        writeln!(table, "| `{name}` | {kind} | {} | {help}{alias} |", labels.join("; ")).unwrap();
    }
    let page = std::fs::read_to_string(path("docs/observe.md")).unwrap();
    let marker = "--test files`. -->\n";
    let (before, _) = page.split_once(marker).expect("the page says where the table is");
    compare("docs/observe.md", &format!("{before}{marker}\n{table}"));
}

const RULES: &str = "resilience-observe/files/prometheus/resilience.rules.yml";
const RULE_TESTS: &str = "resilience-observe/files/prometheus/resilience.rules.test.yml";
const RUNBOOK_PAGE: &str = "resilience-observe/files/alerts.md";
const BOARD: &str = "resilience-observe/files/grafana/resilience.json";

#[test]
fn the_rules_are_current() {
    compare(RULES, &prometheus_rules("service", RUNBOOKS));
}

#[test]
fn the_page_about_the_alerts_is_current_and_every_alert_leads_to_its_heading() {
    compare(RUNBOOK_PAGE, &alert_runbooks("service"));
    let (rules, page) = (prometheus_rules("service", "https://runbooks"), alert_runbooks("service"));
    for alert in values(&rules, "- alert: ") {
        assert!(page.contains(&format!("\n## {alert}\n")), "{alert}");
        let url = format!("runbook_url: 'https://runbooks#{}'", alert.to_lowercase());
        assert!(rules.contains(&url), "{url}");
    }
}

/// What stands behind that word, wherever a line begins with it.
fn values<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(word)).collect()
}

#[test]
fn every_rule_has_a_unit_test_in_which_it_tells_and_one_in_which_it_does_not() {
    let rules = prometheus_rules("service", RUNBOOKS);
    let tests = std::fs::read_to_string(path(RULE_TESTS)).unwrap();
    let lines: Vec<_> = tests.lines().map(str::trim_start).collect();
    // Whether nothing is expected, each time that it is asked for.
    let expects_nothing = |asked: &dyn Fn(&str) -> bool, expectation: &str| {
        let behind = lines.iter().enumerate().filter(|(_, line)| asked(line)).map(|(nth, _)| &lines[nth..]);
        let answers = behind.filter_map(|lines| lines.iter().find_map(|line| line.strip_prefix(expectation)));
        answers.map(|answer| answer.trim() == "[]").collect::<HashSet<_>>()
    };
    let both = HashSet::from([true, false]);
    let (alerts, records) = (values(&rules, "- alert: "), values(&rules, "- record: "));
    assert!(alerts.len() > 10 && records.len() > 3);
    for alert in alerts {
        let asked = |line: &str| line.strip_prefix("alertname: ") == Some(alert);
        assert_eq!(expects_nothing(&asked, "exp_alerts:"), both, "{alert} has to fire, and not to");
    }
    for record in records {
        let asked = |line: &str| line.strip_prefix("- expr: ").is_some_and(|asked| asked.trim_matches('\'') == record);
        assert_eq!(expects_nothing(&asked, "exp_samples:"), both, "{record} has to be there, and not to");
    }
}

#[test]
fn the_board_is_current() {
    compare(BOARD, &grafana_board("service"));
}

/// Every metric that a text names, with the text behind it.
fn named(text: &str) -> Vec<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut named = Vec::new();
    let mut rest = text;
    let next = |rest: &str| ["circuit_breaker_", "resilience_"].iter().filter_map(|start| rest.find(start)).min();
    while let Some(start) = next(rest) {
        let behind = &rest[start..];
        let end = behind.find(|c| !is_part(c)).unwrap_or(behind.len());
        let is_whole = !rest[..start].ends_with(is_part);
        if is_whole {
            named.push((&behind[..end], &behind[end..]));
        }
        rest = &behind[end..];
    }
    named
}

/// The family that a query asks for; of a histogram, it asks for its buckets, their sum or their count.
fn family(name: &str) -> &'static Family {
    let is_histogram =
        |name: &&str| families().iter().any(|family| family.name() == *name && family.kind() == MetricKind::Histogram);
    let part = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end).filter(is_histogram));
    let name = part.unwrap_or(name);
    families().iter().find(|family| family.name() == name).unwrap_or_else(|| panic!("there is no metric {name}"))
}

/// Each matcher of the selector that a text begins with: the label, and the values that it asks for.
fn matchers(behind: &str) -> Vec<(&str, Vec<&str>)> {
    let Some(inside) = behind.strip_prefix('{').and_then(|rest| rest.split('}').next()) else { return Vec::new() };
    let inside = inside.split(',').map(str::trim).filter(|matcher| !matcher.is_empty());
    inside
        .map(|matcher| {
            let (label, value) = matcher.split_once('=').unwrap();
            (label, value.trim_start_matches('~').trim_matches(['"', '\\']).split('|').collect())
        })
        .collect()
}

#[test]
fn every_query_asks_for_what_there_is() {
    for label in ["service", "breaker"] {
        let mut asked = 0;
        let rules = prometheus_rules(label, "https://runbooks");
        let tests = std::fs::read_to_string(path(RULE_TESTS)).unwrap().replace("service", label);
        let tests = tests.lines().filter(|line| !line.contains("runbook_url")).collect::<Vec<_>>().join("\n");
        let page = alert_runbooks(label);
        for text in [rules, tests, page, grafana_board(label).replace("\\\"", "\"")] {
            for (name, behind) in named(&text) {
                let family = family(name);
                for (matched, values) in matchers(behind) {
                    asked += 1;
                    if ["job", "instance"].contains(&matched) {
                        continue;
                    }
                    assert!(family.labels(label).contains(&matched), "{name} has no label {matched}");
                    let words = family.words().filter(|(word, _)| *word == matched);
                    // The names of policies, keys and functions are the program's.
                    let is_known = |value: &&str| words.is_none_or(|(_, known)| known.contains(value));
                    assert!(values.iter().all(is_known), "{name} has no {matched} among {values:?}");
                }
            }
            assert!(!text.contains("LABEL") && !text.contains("SELECTED"));
            assert!(label == "service" || !text.contains("service"), "the label is another one");
        }
        assert!(asked > 50, "{asked}");
    }
}

#[test]
fn the_board_is_one_that_grafana_can_draw() {
    let board: Value = serde_json::from_str(&grafana_board("service")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let ids: HashSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = HashSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} lies over another panel", panel["title"]);
        }
        let targets = panel["targets"].as_array().map_or(0, Vec::len);
        assert_eq!(targets == 0, panel["type"] == "row", "{panel}");
    }
    let text = board.to_string();
    for variable in board["templating"]["list"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let uses = text.matches(&format!("${name}")).count() + text.matches(&format!("${{{name}}}")).count();
        assert!(uses > 1, "nothing asks for ${name}");
    }
}
