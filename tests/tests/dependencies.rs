//! What the runtime brings with it: without a feature the crates that are listed here, and with each feature for another crate as many as its page says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Whoever adds one has a reason that every user of the library shares.
const DEFAULT: [&str; 23] = [
    "arc-swap",
    "atomic-waker",
    "castaway",
    "cfg-if",
    "crossbeam-utils",
    "dashmap",
    "hashbrown",
    "humantime",
    "libc",
    "lock_api",
    "once_cell",
    "parking_lot_core",
    "pin-project-lite",
    "proc-macro2",
    "quote",
    "rustversion",
    "scopeguard",
    "smallvec",
    "syn",
    "thiserror",
    "thiserror-impl",
    "tokio",
    "unicode-ident",
];

/// What the runtime depends on with a feature, as `cargo tree` has it on one target, so that the answer is one: every package by its name and version, and the names
/// of those that it depends on itself.
fn tree(feature: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let fixed = ["tree", "--locked", "-p=resilience-runtime", "-e=normal", "--prefix=depth", "--format= {p}"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(fixed).arg("--target=x86_64-unknown-linux-gnu").arg(format!("--features={feature}"));
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut all, mut direct) = (BTreeSet::new(), BTreeSet::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [depth, name, version, ..] = words[..] else { panic!("cargo writes `{line}`") };
        if !name.starts_with("resilience-") {
            all.insert(format!("{name} {version}"));
            if depth == "1" {
                direct.insert(name.to_owned());
            }
        }
    }
    (all, direct)
}

#[test]
fn without_a_feature_the_crates_are_those_that_they_were() {
    let (all, _) = tree("");
    let names: Vec<&str> = all.iter().map(|package| package.split(' ').next().unwrap()).collect();
    assert_eq!(names, DEFAULT);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    assert!(readme.contains(&format!("With default features the library brings {} crates", DEFAULT.len())));
}

/// The rows of the page's table, as `| feature | crates | of them direct |`.
#[test]
fn each_feature_for_another_crate_brings_what_its_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/integrations/README.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| feature | crates | of them direct |\n").unwrap();
    let rows: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    let (_, direct) = tree("");
    let features = rows.iter().map(|row| row.split('`').nth(1).unwrap_or_default());
    let counted = features.map(|feature| {
        let (all, with_it) = tree(feature);
        let added: Vec<String> = with_it.difference(&direct).map(|name| format!("`{name}`")).collect();
        format!("| `{feature}` | {} | {} |", all.len() - DEFAULT.len(), added.join(", "))
    });
    let counted: Vec<String> = counted.collect();
    assert!(rows.len() > 2 && rows == counted, "the table is out of date; it has to say\n{}", counted.join("\n"));
}
