//! Keyed calls: of sixteen keys, and of one, a thousand and a million; and as many handles.

use crate::contest::{BARE, Case, Contestant, calls};
use crate::subject::{self, bare, scattered, work};
use resilience_runtime::CircuitBreaker;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("keyed", "one of 16 keys", by_key),
        Case::new("names, handles", "a random one of so many breakers, by its handle", handles),
        Case::new("names, keyed", "a random one of so many keys of a breaker", keyed),
    ]
}

fn handle_of(names: u64, who: &str) -> Contestant {
    let breakers: Vec<CircuitBreaker> = (0..names)
        .map(|name| CircuitBreaker::builder(format!("name {name}")).build().expect("a sound configuration"))
        .collect();
    calls!(who, |call| breakers[scattered(call, names) as usize].call(async { work(call) }).await)
}

fn handles() -> Vec<Contestant> {
    vec![
        calls!(BARE, |call| bare(call).await),
        handle_of(1, "ours, 1 name"),
        handle_of(1000, "ours, 1,000 names"),
        handle_of(1_000_000, "ours, 1,000,000 names"),
    ]
}

fn by_key() -> Vec<Contestant> {
    vec![
        calls!(BARE, |call| bare(call).await),
        calls!("ours, by a number", |call| subject::by_key(call).await),
        calls!("ours, by a text", |call| subject::by_text(call).await),
        calls!("ours, by a text of 36 bytes", |call| subject::by_long_text(call).await),
        calls!("ours, by a text and a number", |call| subject::by_parts(call).await),
        calls!("ours, bulkhead", |call| subject::bulkheaded_by_key(call).await),
        calls!("ours, rate limit", |call| subject::limited_by_key(call).await),
    ]
}

fn keyed() -> Vec<Contestant> {
    vec![
        calls!(BARE, |call| bare(call).await),
        calls!("ours, 1 name", |call| subject::one_name(call).await),
        calls!("ours, 1,000 names", |call| subject::thousand_names(call).await),
        calls!("ours, 1,000,000 names, all kept", |call| subject::million_names(call).await),
        calls!("ours, 1,000,000 names, 1,024 kept", |call| subject::too_many_names(call).await),
    ]
}
