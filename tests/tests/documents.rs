//! What the pages in `docs/` and the README point at exists: every path, and every test that is said to prove a rule.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page, by its path from the root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned(), "benches/README.md".to_owned()];
    for folder in ["docs", "docs/decisions", "docs/integrations"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let names = entries.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".md"));
        pages.extend(names.map(|name| format!("{folder}/{name}")));
    }
    pages
}

/// What stands in backticks outside of the blocks of code.
fn in_backticks(page: &str) -> Vec<&str> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// Where the links of a page lead, but for those to other places.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}

/// A path of this repository, and not a word with a slash or a key of a file.
fn is_path(text: &str) -> bool {
    let is_file = [".rs", ".md", ".toml", ".svg", ".json"].iter().any(|end| text.ends_with(end));
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    is_plain && text.contains('/') && (is_file || text.ends_with('/') || text.starts_with(".ci/"))
}

#[test]
fn every_path_that_a_page_names_exists() {
    let mut gone = Vec::new();
    let mut found = 0;
    for name in pages() {
        let page = read(&name);
        // What is generated is not there before.
        let paths = in_backticks(&page).into_iter().filter_map(|text| text.split("::").next());
        for path in paths.filter(|path| is_path(path) && !path.starts_with("target/")) {
            found += 1;
            if !root().join(path).exists() {
                gone.push(format!("{name}: {path}"));
            }
        }
        let folder = Path::new(&name).parent().unwrap();
        for link in links(&page) {
            found += 1;
            let path = folder.join(link.split('#').next().unwrap());
            if !root().join(&path).exists() {
                gone.push(format!("{name}: {}", path.display()));
            }
        }
    }
    assert!(gone.is_empty(), "{gone:#?}");
    assert!(found > 100, "only {found} paths were found, so they are not found any more");
}

/// Whether the file has a test of that name: a function below an attribute that ends in `test`.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declares = |line: &str| line.split_once("fn ").is_some_and(|(_, rest)| rest.starts_with(&format!("{name}(")));
    lines.iter().enumerate().filter(|(_, line)| declares(line)).any(|(at, _)| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
        above.filter_map(|line| line.strip_prefix("#[")).any(|attribute| {
            let path: String = attribute.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
            path.rsplit("::").next() == Some("test")
        })
    })
}

#[test]
fn every_rule_has_a_number_of_its_own_and_a_test_that_exists() {
    let page = read("docs/semantics.md");
    let mut sources = HashMap::new();
    let mut numbers = Vec::new();
    for rule in page.split("\n### ").skip(1) {
        let title = rule.lines().next().unwrap();
        numbers.push(title.split_once(". ").unwrap_or_else(|| panic!("`{title}` has no number")).0);
        let mut proofs = 0;
        for (path, test) in in_backticks(rule).into_iter().filter_map(|text| text.split_once(".rs::")) {
            let path = format!("{path}.rs");
            let source = sources.entry(path.clone()).or_insert_with(|| read(&path));
            assert!(has_test(source, test), "rule {title}: there is no test `{test}` in {path}");
            proofs += 1;
        }
        assert!(proofs > 0, "rule {title}: no test proves it");
    }
    assert!(numbers.len() > 20, "{numbers:?}");
    let mut unique = numbers.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), numbers.len(), "{numbers:?}");
}

#[test]
fn a_function_that_is_no_test_proves_nothing() {
    let source = "/// Text.\n#[tokio::test(start_paused = true)]\nasync fn one() {}\n\nfn two() {}\n#[cfg(test)]\nfn three() {}\n    #[test]\n    fn four(\n";
    assert_eq!(
        ["one", "two", "three", "four", "on"].map(|name| has_test(source, name)),
        [true, false, false, true, false]
    );
}
