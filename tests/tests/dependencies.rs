//! What the runtime brings with it: without a feature the crates that are listed here, and with each feature for another crate as many as its page says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Whoever adds one has a reason that every user of the library shares.
const DEFAULT: [&str; 27] = [
    "arc-swap",
    "atomic-waker",
    "cfg-if",
    "crossbeam-utils",
    "dashmap",
    "equivalent",
    "hashbrown",
    "humantime",
    "libc",
    "linkme",
    "linkme-impl",
    "lock_api",
    "once_cell",
    "papaya",
    "parking_lot_core",
    "pin-project-lite",
    "proc-macro2",
    "quote",
    "rustversion",
    "scopeguard",
    "seize",
    "smallvec",
    "syn",
    "thiserror",
    "thiserror-impl",
    "tokio",
    "unicode-ident",
];

/// `cargo tree` of the runtime, a package a line as its name and version, on one target, so that the answer is one.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let fixed = ["tree", "--locked", "-p=resilience-runtime", "-e=normal", "--prefix=none", "--format={p}"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(fixed).arg("--target=x86_64-unknown-linux-gnu").args(arguments);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let packages = text.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    packages.filter(|package| !package.is_empty() && !package.starts_with("resilience-")).collect()
}

fn names(packages: &BTreeSet<String>) -> Vec<&str> {
    packages.iter().map(|package| package.split(' ').next().unwrap()).collect()
}

#[test]
fn without_a_feature_the_crates_are_those_that_they_were() {
    let packages = tree(&[]);
    assert_eq!(names(&packages), DEFAULT);
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
    let direct = tree(&["--depth=1"]);
    let features = rows.iter().map(|row| row.split('`').nth(1).unwrap_or_default());
    let counted = features.map(|feature| {
        let argument = format!("--features={feature}");
        let added = &tree(&[&argument, "--depth=1"]) - &direct;
        let shown: Vec<String> = names(&added).iter().map(|name| format!("`{name}`")).collect();
        let crates = tree(&[&argument]).len() - DEFAULT.len();
        format!("| `{feature}` | {crates} | {} |", shown.join(", "))
    });
    let counted: Vec<String> = counted.collect();
    assert!(rows.len() > 2 && rows == counted, "the table is out of date; it has to say\n{}", counted.join("\n"));
}
