//! What an editor is shown for the keys and words of the attributes is there for every one of them.

use std::fs;
use std::path::Path;

use resilience_config::{
    Backoff, BulkheadConfig, CircuitBreakerConfig, Configurable, Jitter, Mode, Preset, RateLimitConfig, Rejections,
    RetryConfig, TimeoutConfig,
};

fn source() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join("resilience-runtime/src/private/editor.rs")).unwrap()
}

/// What stands in the module of that name.
fn module<'s>(source: &'s str, name: &str) -> &'s str {
    let (_, rest) = source.split_once(&format!("pub mod {name} {{")).unwrap_or_else(|| panic!("no module {name}"));
    rest.split("pub mod ").next().unwrap()
}

/// The rows of the table are made into functions; what is no row is written by hand.
fn has_keys<C: Configurable>(source: &str, name: &str) {
    let module = module(source, name);
    assert!(module.contains(&format!("resilience_config::{name}_keys! {{ functions! {{}} }}")), "{name}");
    // `functions!` has those that every attribute has, and no function can be called `crate`.
    let common = ["name", "map_rejection", "classify", "stream", "classify_item", "crate"];
    for key in common.iter().filter(|key| **key != "crate") {
        assert!(source.contains(&format!("        pub fn {key}")), "{key}");
    }
    let keys = C::OF_THE_PROGRAM.iter().filter(|key| !common.contains(key));
    for key in keys {
        assert!(module.contains(&format!(" {key}: (&")) || module.contains(&format!("pub fn {key}<")), "{name}: {key}");
    }
    let outside: Vec<&str> = C::KEYS.iter().filter(|key| !key.in_attribute).map(|key| key.name).collect();
    assert_eq!(outside, ["enabled"], "`functions!` leaves out what attributes do not have");
}

#[test]
fn every_key() {
    let source = source();
    has_keys::<CircuitBreakerConfig>(&source, "circuit_breaker");
    has_keys::<RetryConfig>(&source, "retry");
    has_keys::<BulkheadConfig>(&source, "bulkhead");
    has_keys::<RateLimitConfig>(&source, "rate_limit");
    has_keys::<TimeoutConfig>(&source, "timeout");
}

#[test]
fn every_word() {
    fn has<T>(module: &str, words: &[(&str, T)]) {
        for (word, _) in words {
            let is_there = module.contains(&format!(" as {word}")) || module.contains(&format!("const {word}:"));
            assert!(is_there, "{word}");
        }
    }
    let source = source();
    has(module(&source, "backoff"), &Backoff::ALL);
    has(module(&source, "jitter"), &Jitter::NAMED);
    has(module(&source, "mode"), &Mode::ALL);
    has(module(&source, "preset"), &Preset::ALL);
    has(module(&source, "rejections"), &Rejections::ALL);
}
