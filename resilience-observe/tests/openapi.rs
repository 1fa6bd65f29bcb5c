//! The description of the routes is true: what is answered fits it, and every path in it is one.
//!
//! Sockets are real. That every route is in it is a unit test beside the routes.

#![cfg(feature = "listen")]

mod asking;

use asking::{get, get_json};
use resilience_observe::{Access, Observer};
use resilience_runtime::testing::Scope;
use resilience_runtime::{Bulkhead, CircuitBreaker, RateLimiter, Retry, Timeout};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn file(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()
}

fn description() -> Value {
    file("files/openapi.json")
}

/// Whether the value fits, as far as schemas go that the description has. A word that is not known here is a mistake.
fn fits(value: &Value, schema: &Value, schemas: &Value) -> Result<(), String> {
    let words = schema.as_object().unwrap();
    for (word, wanted) in words {
        match word.as_str() {
            "description" | "required" | "additionalProperties" => {}
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap();
                fits(value, schemas.get(name).unwrap_or_else(|| panic!("there is no {name}")), schemas)?;
            }
            "type" => {
                let types = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                if !types.iter().any(|wanted| is_of(value, wanted.as_str().unwrap())) {
                    return Err(format!("{value} is no {wanted}"));
                }
            }
            "enum" => {
                if !wanted.as_array().unwrap().contains(value) {
                    return Err(format!("{value} is none of {wanted}"));
                }
            }
            "anyOf" => {
                let tried = wanted.as_array().unwrap().iter().map(|schema| fits(value, schema, schemas));
                let errors: Vec<String> = tried.map_while(Result::err).collect();
                if errors.len() == wanted.as_array().unwrap().len() {
                    return Err(errors.join("; "));
                }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    fits(item, wanted, schemas)?;
                }
            }
            "properties" => {}
            "minimum" | "maximum" | "minLength" | "maxLength" => {}
            unknown => panic!("`{unknown}` is not looked at by this test"),
        }
    }
    let Some(fields) = value.as_object() else { return Ok(()) };
    let nothing = Map::new();
    let known = words.get("properties").map_or(&nothing, |known| known.as_object().unwrap());
    for required in words.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !fields.contains_key(required.as_str().unwrap()) {
            return Err(format!("{required} is missing in {value}"));
        }
    }
    for (name, field) in fields {
        let schema = match (known.get(name), words.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => schema,
            (None, Some(Value::Bool(false))) => return Err(format!("`{name}` is not described")),
            (None, _) => continue,
        };
        fits(field, schema, schemas).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("`{unknown}` is no type"),
    }
}

fn check(what: &str, value: &Value, name: &str) {
    let description = description();
    let schemas = &description["components"]["schemas"];
    fits(value, &json!({ "$ref": format!("#/components/schemas/{name}") }), schemas)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
}

#[test]
fn recorded_answers_fit() {
    for (answer, schema) in [
        ("health", "Health"),
        ("operations", "Operations"),
        ("policies", "Policies"),
        ("circuit_breaker", "Policy"),
        ("retry", "Policy"),
        ("timeout", "Policy"),
        ("bulkhead", "Policy"),
        ("rate_limit", "Policy"),
        ("keys", "Keys"),
        ("policy_events", "PolicyEvents"),
        ("events", "Events"),
        ("steer", "Steered"),
        ("hello", "Hello"),
        ("sample", "Sample"),
        ("steered", "Event"),
        ("transition", "Event"),
        ("problem", "Problem"),
    ] {
        check(answer, &file(&format!("tests/answers/{answer}.json")), schema);
    }
}

#[test]
fn what_does_not_fit_is_noticed() {
    let description = description();
    let schemas = &description["components"]["schemas"];
    let steered = json!({ "$ref": "#/components/schemas/Steered" });
    let wrong = |change: fn(&mut Value)| {
        let mut answer = file("tests/answers/steer.json");
        change(&mut answer);
        fits(&answer, &steered, schemas).unwrap_err()
    };
    assert_eq!(wrong(|answer| answer["more"] = 1.into()), "`more` is not described");
    assert!(
        wrong(|answer| _ = answer.as_object_mut().unwrap().remove("event_ids")).starts_with("\"event_ids\" is missing")
    );
    assert!(wrong(|answer| answer["reached"][0]["before"] = "opne".into()).contains("is none of"));
    assert!(wrong(|answer| answer["event_ids"] = "1".into()).contains("is no \"array\""));
}

#[test]
fn every_path_that_is_described_is_one_and_answers_what_is_described() {
    let scope = Scope::new();
    let entered = scope.enter();
    CircuitBreaker::builder("described").register().unwrap();
    Retry::builder("described").register().unwrap();
    Timeout::builder("described").after(Duration::from_secs(1)).register().unwrap();
    Bulkhead::builder("described").max_concurrent(1).register().unwrap();
    RateLimiter::builder("described").rate("1/s".parse().unwrap()).register().unwrap();
    drop(entered);
    let listening = Observer::new(scope.registry()).listen("127.0.0.1:0", Access::read_only()).unwrap();
    let at = listening.address();
    let description = description();
    assert_eq!(get_json(at, "/api/v1/openapi.json"), description, "it is what is served");
    for (path, methods) in description["paths"].as_object().unwrap() {
        let methods: Vec<&String> = methods.as_object().unwrap().keys().collect();
        if path == "/api/v1/stream" || path == "/hystrix.stream" || path == "/assets/{name}" {
            // Without an end, and with a name that changes: tests of their own.
            continue;
        }
        if methods == ["post"] {
            assert_eq!(get(at, path).status, 405, "{path}");
            continue;
        }
        assert_eq!(methods, ["get"], "{path}");
        let kinds: &[&str] = if path.contains("{kind}") && !path.ends_with("/keys") {
            &["circuit_breaker", "retry", "timeout", "bulkhead", "rate_limit"]
        } else {
            &["circuit_breaker"]
        };
        for kind in kinds {
            let answer = get(at, &path.replace("{kind}", kind).replace("{name}", "described"));
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let content = &description["paths"][path]["get"]["responses"]["200"]["content"];
            if let Some(schema) = content["application/json"].get("schema") {
                let fits = fits(&answer.json(), schema, &description["components"]["schemas"]);
                fits.unwrap_or_else(|error| panic!("{path} of {kind}: {error}"));
            }
        }
    }
}

#[test]
fn a_parameter_that_is_not_described_is_refused_with_those_that_are() {
    let scope = Scope::new();
    let entered = scope.enter();
    CircuitBreaker::builder("described").register().unwrap();
    drop(entered);
    let listening = Observer::new(scope.registry()).listen("127.0.0.1:0", Access::read_only()).unwrap();
    let description = description();
    let paths = description["paths"].as_object().unwrap().iter();
    // Whoever asks for the description, or for a stream in somebody else's form, says nothing of their own.
    let asked = paths.filter(|(path, methods)| {
        let is_ours = path.starts_with("/api/v1/") && *path != "/api/v1/openapi.json" || *path == "/hystrix.stream";
        is_ours && methods.get("get").is_some()
    });
    let mut looked_at = 0;
    for (path, methods) in asked {
        let described = methods["get"]["parameters"].as_array().into_iter().flatten();
        let described: Vec<String> = described
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| format!("`{}`", parameter["name"].as_str().unwrap()))
            .collect();
        let path = path.replace("{kind}", "circuit_breaker").replace("{name}", "described");
        let answer = get(listening.address(), &format!("{path}?nobody=1"));
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        let problem = answer.problem();
        let (unknown, expected) = problem.split_once("; ").unwrap();
        assert_eq!(unknown, "unknown parameter `nobody`", "{path}");
        let mut expected: Vec<&str> = match expected.strip_prefix("expected ") {
            Some(expected) => expected.split(", ").collect(),
            None => Vec::new(),
        };
        let mut described: Vec<&str> = described.iter().map(String::as_str).collect();
        expected.sort_unstable();
        described.sort_unstable();
        assert_eq!(expected, described, "{path}");
        looked_at += 1;
    }
    assert_eq!(looked_at, 10);
}
