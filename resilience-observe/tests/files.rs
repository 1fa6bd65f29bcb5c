//! What is generated from the table of metrics and committed is what the table says. `UPDATE=1` writes it.

use resilience_observe::families;
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
    let page = std::fs::read_to_string(path("docs/observing.md")).unwrap();
    let marker = "--test files`. -->\n";
    let (before, _) = page.split_once(marker).expect("the page says where the table is");
    compare("docs/observing.md", &format!("{before}{marker}\n{table}"));
}
