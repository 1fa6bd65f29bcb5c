//! Where a message points: at what has to be changed, and at nothing around it.

use proc_macro2::{TokenStream, TokenTree};

use super::errors;
use crate::{pipeline, syntax::Kind};

/// Each mistake in a function with attributes, the outermost of which is expanded: how its message begins, and what it points at, which is nothing
/// where that is the attribute itself.
fn mistakes(source: &str) -> Vec<(String, &str)> {
    let mut tokens = source.parse::<TokenStream>().unwrap().into_iter();
    let (_, Some(TokenTree::Group(attribute))) = (tokens.next(), tokens.next()) else { panic!("{source}") };
    let mut attribute = attribute.stream().into_iter();
    let name = attribute.next().unwrap().to_string();
    let kind = [Kind::Retry, Kind::CircuitBreaker, Kind::Bulkhead, Kind::RateLimit, Kind::Timeout, Kind::Fallback];
    let kind = kind.into_iter().find(|kind| kind.name() == name).unwrap();
    let arguments = match attribute.next() {
        Some(TokenTree::Group(arguments)) => arguments.stream(),
        _ => TokenStream::new(),
    };
    let place = |[first, last]: [proc_macro2::Span; 2]| {
        source.get(first.byte_range().start..last.byte_range().end).unwrap_or_else(|| panic!("{first:?} {last:?}"))
    };
    let errors = errors(&pipeline::run(kind, arguments, tokens.collect()));
    errors.into_iter().map(|(message, spans)| (message, place(spans))).collect()
}

/// Checks that these are all of its mistakes.
#[track_caller]
fn points(source: &str, expected: &[(&str, &str)]) {
    let found = mistakes(source);
    let is_it = |((message, place), (begins, expected)): (&(String, &str), &(&str, &str))| {
        message.starts_with(begins) && place == expected
    };
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(is_it), "{source}: {found:?}");
}

const FUNCTION: &str = "async fn f(a: A) -> Result<(), Error> {}";

#[test]
fn a_message_points_at_the_value_or_the_key_that_has_to_change() {
    for (attribute, begins, place) in [
        ("circuit_breaker(failure_rate = 50 * 2, open_for = 3)", "`open_for` needs a unit", "3"),
        ("circuit_breaker(failure_rat = 1)", "unknown key", "failure_rat"),
        ("circuit_breaker(window = 5, window = 6)", "duplicate key", "window"),
        ("circuit_breaker(mode = \"off\")", "expected a word without quotes", "\"off\""),
        ("circuit_breaker(preset = Preset::Database)", "expected a word without a path", "Preset::Database"),
        ("circuit_breaker(failure_rate = 50%)", "percentages are written without `%`", "50%"),
        ("circuit_breaker(failure_if = |a, b| true)", "expected a closure with one parameter", "|a, b| true"),
        ("circuit_breaker(window)", "missing value for `window`", "window"),
        ("circuit_breaker(window =)", "missing value for `window` after", "window"),
        ("circuit_breaker(open-for = \"1s\")", "keys are written with underscores", "open-for"),
        ("circuit_breaker(max_keys = 3)", "`max_keys` requires `key`", "max_keys"),
        ("circuit_breaker(key = (a,))", "a tuple as `key`", "(a,)"),
        ("circuit_breaker(\"a\", name = \"b\")", "the name is given twice", "\"a\""),
        ("circuit_breaker(failure_rate = 2.0 * a)", "the argument `a` is not allowed here", "a"),
        ("circuit_breaker(failure_rate = Self::RATE)", "`Self` is not allowed here", "Self"),
        ("circuit_breaker(failure_rate = 0)", "`failure_rate` must be greater", "0"),
        ("circuit_breaker(\"window\" = 5)", "keys are written without quotes; write `window = ...`", "\"window\""),
        ("circuit_breaker(5 = window)", "expected a string literal", "5 = window"),
        ("retry(3)", "`retry` takes no value without a key", "3"),
        ("retry(attempts)", "missing value for `attempts`", "attempts"),
        ("retry(retry_rejections = [timed_out, timed_out])", "this value is already in the list", "timed_out"),
        ("timeout(\"payment\")", "expected a duration", "\"payment\""),
        ("timeout()", "`timeout` requires a duration", ""),
        ("rate_limit()", "`rate_limit` requires a rate", ""),
        ("fallback()", "`fallback` requires a function", ""),
        ("fallback(g, self.cached)", "write the path of the method", "self.cached"),
        ("fallback(g, on = [])", "a fallback with an empty `on` list", "[]"),
        ("fallback(g, |a, b, c| Ok(()))", "expected a closure that takes", "|a, b, c| Ok(())"),
        ("timeout(\"1s\", between = \"2s\")", "`between` requires `stream = true`", "between"),
        ("retry(classify_item = judge)", "`classify_item` requires `stream = true`", "judge"),
    ] {
        points(&format!("#[{attribute}] {FUNCTION}"), &[(begins, place)]);
    }
}

#[test]
fn a_message_about_two_points_at_both() {
    for (stack, expected) in [
        (
            "#[retry(delay = \"2s\", max_delay = \"1s\")]",
            &[("`delay` (default", "\"1s\""), ("this `delay` conflicts with `max_delay`", "\"2s\"")][..],
        ),
        (
            "#[circuit_breaker(minimum_calls = 11, window = 10)]",
            &[("`minimum_calls` must not be larger", "11"), ("this `window` conflicts", "10")],
        ),
        // The attempts, or else the wait, or else the attribute.
        (
            "#[timeout(after = \"5s\")] #[retry(delay = \"1s\", attempts = 5, jitter = none)]",
            &[("the `timeout` above ends the call", "5"), ("this `timeout` conflicts", "\"5s\"")],
        ),
        (
            "#[timeout(\"5s\")] #[retry(delay = \"3s\", jitter = none)]",
            &[("the `timeout` above ends the call", "\"3s\""), ("this `timeout` conflicts", "\"5s\"")],
        ),
        (
            "#[timeout(preset = internal_service)] #[retry(factor = 50, jitter = none)]",
            &[("the `timeout` above ends the call", "retry"), ("this `timeout` conflicts", "")],
        ),
        ("#[retry] #[bulkhead(2)] #[retry(attempts = 2)]", &[("`retry` is already applied", "retry")]),
        ("#[timeout(\"1s\")] #[circuit_breaker]", &[("this `timeout` is above", "")]),
        ("#[retry(map_rejection = g)] #[bulkhead(2, map_rejection = h)]", &[("duplicate `map_rejection`", "h")]),
        ("#[retry(crate = x)] #[bulkhead(2, crate = y)]", &[("conflicting `crate`", "y")]),
        ("#[retry(stream = true)] #[bulkhead(2, stream = true)]", &[("duplicate `stream`", "true")]),
    ] {
        points(&format!("{stack} {FUNCTION}"), expected);
    }
}

#[test]
fn a_message_about_the_function_points_at_what_is_wrong_with_it() {
    for (source, begins, place) in [
        ("#[retry] async fn f() {}", "a guarded function must return", "f"),
        ("#[retry] async fn f() -> Option<u8> {}", "a guarded function must return", "Option<u8>"),
        ("#[retry] const fn f() -> Result<(), E> {}", "a `const fn` cannot be guarded", "const"),
        ("#[retry] async fn f(&mut self) -> Result<&str, E> {}", "the result borrows from `self`", "&"),
        ("#[retry] async fn f<'x>(&'x mut self) -> Result<G<'x>, E> {}", "the result borrows from `self`", "x"),
        ("#[retry] fn f() -> impl Future { async {} }", "the output of this future is not known", "impl Future"),
        ("#[retry] fn f() -> impl Future<Output = Result<(), E>> { a(); g() }", "the body of `f` must end in", "()"),
        ("#[retry] #[track_caller] fn f() -> Result<(), E> {}", "a guarded function cannot be", "#[track_caller]"),
        (
            "#[retry] #[bulkhead(2, max_queue = 3)] fn f() -> Result<(), E> {}",
            "`max_queue` would block the thread",
            "max_queue",
        ),
        ("#[retry] #[timeout(\"1s\")] fn f() -> Result<(), E> {}", "a synchronous function cannot have", "timeout"),
        (
            "#[fallback(g)] async fn f(a: A, b: A, c: A, d: A, e: A, f: A, g: A, h: A, i: A, j: A, k: A, l: A, m: M) -> Result<(), E> {}",
            "a function with a fallback can have at most 12",
            "M",
        ),
        (
            "#[circuit_breaker] #[retry] fn f() -> impl Future<Output = Result<(), E>> { g(); async {} }",
            "`retry` runs the body again",
            "retry",
        ),
        (
            "#[fallback(g)] fn f(x: &mut X) -> impl Future<Output = Result<(), E>> { x.y(); async {} }",
            "the fallback needs this `&mut` again",
            "x: &mut X",
        ),
        (
            "#[fallback(|a| Ok(()))] async fn f(#[cfg(unix)] a: A) -> Result<(), E> {}",
            "a fallback must be a function where",
            "|a| Ok(())",
        ),
    ] {
        points(source, &[(begins, place)]);
    }
}
