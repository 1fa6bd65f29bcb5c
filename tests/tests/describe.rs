//! A program of two crates, told before anything is called: a table, a graph, and each attribute as it was written.

use resilience_runtime::private::FallbackSite;
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, Failure, Kind, Layer, Operation, Rejection, Retry, WindowCounts, bulkhead, circuit_breaker,
    fallback, registry, retry,
};
use std::collections::HashSet;

#[circuit_breaker("catalogue")]
#[bulkhead(7)]
async fn offer(item: u32) -> Result<u32, Rejection> {
    Ok(catalogue::price(item).await.unwrap_or(0))
}

macro_rules! on_one_line {
    ($($type:ident),*) => {$(
        struct $type;

        impl $type {
            #[fallback(|_, _: Failure<Rejection>| Ok(()))]
            #[bulkhead(1)]
            async fn of_a_macro(&self) -> Result<(), Rejection> {
                Ok(())
            }
        }
    )*};
}

on_one_line!(One, Other);

#[tokio::test]
async fn functions_that_a_macro_puts_on_one_line_have_nodes_of_their_own() {
    One.of_a_macro().await.unwrap();
    Other.of_a_macro().await.unwrap();
    let graph = registry().describe().mermaid();
    let functions = graph.lines().filter_map(|line| Some(line.trim().split_once("([\"describe::of_a_macro\"])")?.0));
    let nodes: HashSet<_> = functions
        .flat_map(|function| {
            graph.lines().filter_map(move |line| line.trim().strip_prefix(function)?.rsplit_once("--> "))
        })
        .map(|(_, node)| node)
        .collect();
    assert_eq!(nodes.len(), 4, "a fallback and a bulkhead each: {graph}");
}

#[test]
fn a_row_is_a_line_whatever_a_name_has_in_it() {
    let refused = CircuitBreaker::builder("describe: two\nlines").register().unwrap_err();
    assert_eq!(refused.to_string(), "`name` must not contain control characters");
    CircuitBreaker::builder("describe: \"50%\" [1m; é").register().unwrap();
    let description = registry().describe();
    let table = description.to_string();
    let row = table.lines().find(|line| line.contains("describe: \"")).unwrap();
    assert!(row.starts_with("(by hand) ") && row.ends_with("describe: \"50%\" [1m; é"), "{row}");
    let graph = description.mermaid();
    let expected = "[\"circuit_breaker describe: #34;50#37;#34; #91;1m#59; é\"]";
    assert!(graph.lines().any(|line| line.ends_with(expected)), "{graph}");
}

#[bulkhead(name = "joined first")]
async fn joins() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(name = "joined first", max_concurrent = 3)]
async fn configures() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test]
async fn a_shared_node_has_the_keys_of_whoever_writes_them() {
    joins().await.unwrap();
    configures().await.unwrap();
    let graph = registry().describe().mermaid();
    assert!(graph.contains("[\"bulkhead joined first<br/>max_concurrent = 3\"]:::shared"), "{graph}");
}

/// A name that means something to Mermaid.
#[circuit_breaker("odd \"]; <b>#name %% x", consecutive_failures = 2)]
async fn oddly_named() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(preset = database, failure_rate = 20)]
async fn has_a_preset() -> Result<(), Rejection> {
    Ok(())
}

/// What stands for the values of other keys is shown where it was written, and those are where they were.
#[test]
fn a_preset_is_among_what_was_written() {
    let [breaker] = operation("describe::has_a_preset").layers() else { panic!("there is one") };
    assert_eq!(breaker.to_string(), "circuit_breaker(failure_rate = 20, preset = database)");
}

/// About which nobody says anything.
#[retry]
async fn plainly() -> Result<(), Rejection> {
    Ok(())
}

fn often(counts: &WindowCounts) -> bool {
    counts.failures > 7
}

#[circuit_breaker("described by a rule", trip_if = often)]
async fn has_a_rule() -> Result<(), Rejection> {
    Ok(())
}

#[test]
fn what_nobody_wrote_is_not_in_an_attribute_and_a_rule_is() {
    for (function, attribute) in
        [("plainly", "retry"), ("has_a_rule", "circuit_breaker(name = \"described by a rule\", trip_if = often)")]
    {
        let [layer] = operation(&format!("describe::{function}")).layers() else { panic!("{function} has one") };
        assert_eq!(layer.to_string(), attribute);
    }
}

fn operation(path: &str) -> &'static Operation {
    registry().operations().find(|operation| operation.path() == path).unwrap()
}

fn texts<T: ToString>(of: impl IntoIterator<Item = T>) -> Vec<String> {
    of.into_iter().map(|it| it.to_string()).collect()
}

#[test]
fn two_crates_contribute_their_functions_generic_ones_and_trait_methods_too() {
    let paths = texts(registry().operations().map(Operation::path));
    let expected =
        ["catalogue::price", "catalogue::describe", "catalogue::pictures", "describe::offer", "describe::oddly_named"];
    let others = [
        "describe::of_a_macro",
        "describe::joins",
        "describe::configures",
        "describe::has_a_preset",
        "describe::plainly",
        "describe::has_a_rule",
    ];
    let paths: Vec<_> = paths.into_iter().filter(|path| !others.contains(&&**path)).collect();
    assert_eq!(paths, expected, "by crate, file and line");
    assert!(operation("catalogue::price").location().starts_with("tests/catalogue/src/lib.rs:"));
}

#[test]
fn an_operation_has_its_attributes_as_written_and_its_policies_resolved() {
    let layers = operation("catalogue::price").layers();
    assert_eq!(
        texts(layers),
        [
            "fallback(price_of_yesterday)",
            "retry(attempts = 2, delay = 10ms)",
            "circuit_breaker(name = \"catalogue\", failure_rate = 30, open_for = 5s)",
            "timeout(after = 1s)",
        ]
    );
    let policies: Vec<_> = layers.iter().map(|layer| layer.policy().map(|name| name.to_string())).collect();
    assert_eq!(
        policies,
        [None, Some("catalogue::price".into()), Some("catalogue".into()), Some("catalogue::price".into())]
    );

    // It writes nothing of its own and has what the other crate configures.
    let [breaker, _] = operation("describe::offer").layers() else { panic!("there are two") };
    assert_eq!((breaker.written(), breaker.shared_by()), (vec![], 3));
    assert_eq!(breaker.configured_at().unwrap().path(), "catalogue::price");
    let settings = texts(breaker.settings());
    assert!(settings.contains(&"failure_rate = 30".to_owned()), "{settings:?}");
    assert!(settings.contains(&"half_open_calls = 3".to_owned()), "defaults too: {settings:?}");
    assert_eq!(registry().circuit_breaker("catalogue").map(|_| ()), None, "nothing was called");
}

#[test]
fn the_table_is_aligned_and_marks_shared_names() {
    let table = registry().describe().to_string();
    let place = |path| operation(path).location();
    // The places of this test's own lines are as wide as those of the other crate, or not: the columns follow.
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect()).collect();
    let trimmed = |row: &Vec<&str>| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<_> = rows.iter().map(trimmed).collect();
    assert_eq!(rows[0], ["function", "place", "policy", "name", "configured"]);
    assert_eq!(rows[1], ["catalogue::price", &place("catalogue::price"), "fallback", "price_of_yesterday"]);
    assert_eq!(rows[2], ["retry", "catalogue::price", "attempts = 2, delay = 10ms"]);
    assert_eq!(rows[3], ["circuit_breaker", "catalogue *", "failure_rate = 30, open_for = 5s"]);
    let offer = rows.iter().find(|row| row[0] == "describe::offer").unwrap();
    let elsewhere = format!("as at {}", place("catalogue::price"));
    assert_eq!(offer[2..], ["circuit_breaker", "catalogue *", &elsewhere]);
    let joins = rows.iter().find(|row| row[0] == "describe::joins").unwrap();
    assert_eq!(joins[3], "joined first *", "two are several");
    let plainly = rows.iter().find(|row| row[0] == "describe::plainly").unwrap();
    assert_eq!(plainly[2..], ["retry", "describe::plainly", "by default"]);
    assert_eq!(rows.last().unwrap(), &["* one policy for all functions that name it"]);
    let columns: Vec<_> =
        table.lines().filter_map(|line| line.find("circuit_breaker").or_else(|| line.find("policy  "))).collect();
    // More where another test has built some by hand.
    assert!(columns.len() >= 6 && columns.windows(2).all(|pair| pair[0] == pair[1]), "{columns:?}\n{table}");
}

#[test]
fn what_no_attribute_names_is_told_as_well() {
    CircuitBreaker::builder("describe: by hand").register().unwrap();
    let description = registry().describe();
    let table = description.to_string();
    let row = table.lines().find(|line| line.contains("describe: by hand")).unwrap();
    assert!(row.starts_with("(by hand)"), "{row}");
    Retry::builder("describe: by hand").register().unwrap();
    let graph = registry().describe().mermaid();
    let node = |kind: &str| {
        let label = format!("[\"{kind} describe: by hand\"]");
        graph.lines().find_map(|line| line.trim().strip_suffix(&label)).unwrap_or_else(|| panic!("{kind}: {graph}"))
    };
    assert_ne!(node("circuit_breaker"), node("retry"), "{graph}");
}

#[tokio::test]
async fn what_was_called_is_told_once() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let before = registry().describe();
    offer(1).await.unwrap();
    assert!(registry().circuit_breaker("catalogue").is_some() && registry().bulkhead("describe::offer").is_some());
    let after = registry().describe();
    assert_eq!((after.to_string(), after.mermaid()), (before.to_string(), before.mermaid()));
}

#[test]
fn the_graph_has_one_node_for_a_shared_name_and_arrows_in_order() {
    let graph = registry().describe().mermaid();
    assert!(graph.starts_with("graph LR\n"), "{graph}");
    let shared = "[\"circuit_breaker catalogue<br/>failure_rate = 30, open_for = 5s\"]:::shared";
    let nodes: Vec<_> = graph.lines().filter(|line| line.ends_with(shared)).collect();
    let [node] = nodes[..] else { panic!("one node: {graph}") };
    let id = node.trim().strip_suffix(shared).unwrap();
    assert_eq!(graph.lines().filter(|line| line.ends_with(&format!("--> {id}"))).count(), 3, "{graph}");
    assert!(graph.contains(&format!("f0 -- 3 --> {id}")), "after the fallback and the retry: {graph}");
    let own = graph.lines().filter(|line| line.contains("[\"bulkhead<br/>max_concurrent = 7\"]"));
    assert!(own.eq(graph.lines().filter(|line| line.ends_with("[\"bulkhead<br/>max_concurrent = 7\"]"))), "{graph}");
    for label in ["[\"fallback<br/>price_of_yesterday\"]", "[\"retry\"]"] {
        assert!(graph.lines().any(|line| line.ends_with(label)), "{label}: {graph}");
    }
    let marked: Vec<_> = graph.lines().filter(|line| line.ends_with(":::shared")).collect();
    assert_eq!(marked.len(), 2, "one in this crate and one in both: {marked:?}");
}

#[test]
fn no_name_breaks_out_of_its_label() {
    let graph = registry().describe().mermaid();
    for line in graph.lines().skip(2) {
        let line = line.trim();
        let is_arrow = line.contains(" --> ") && !line.contains('"');
        // A node is an id, a bracket, one text in quotes and the bracket again; what is inside closes neither.
        let label = line.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map(|(label, _)| label);
        let is_node = label.is_some_and(|label| !label.contains(['"', '[', ']', '`']) && !label.contains("<b>"));
        assert!(is_arrow || is_node, "{line}");
    }
    assert!(graph.contains("odd #34;#93;#59; #60;b#62;#35;name #37;#37; x"), "{graph}");
}

#[test]
fn every_kind_of_layer_has_a_word() {
    let [breaker, bulkhead] = operation("describe::offer").layers() else { panic!("there are two") };
    assert_eq!((breaker.kind(), bulkhead.kind()), (Kind::CircuitBreaker, Kind::Bulkhead));
    assert_eq!(bulkhead.to_string(), "bulkhead(max_concurrent = 7)");
    static FALLBACK: FallbackSite = FallbackSite::new("answer");
    assert_eq!(Layer::Fallback(&FALLBACK).kind(), Kind::Fallback);
}
