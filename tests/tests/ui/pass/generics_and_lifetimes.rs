//! Type, const and lifetime parameters, where-clauses, borrowed arguments and borrowed results.

use std::fmt::Display;

use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
async fn nth<'a, T, const N: usize>(items: &'a [T; N], position: usize) -> Result<&'a T, Rejection>
where
    T: Display,
{
    Ok(&items[position.min(N)])
}

#[circuit_breaker]
async fn elided(text: &str) -> Result<&str, Rejection> {
    Ok(&text[1..])
}

#[circuit_breaker("generic")]
#[fallback = otherwise]
async fn cloned<T: Clone + Send>(value: T, suffix: &str) -> Result<(T, usize), Rejection> {
    Ok((value, suffix.len()))
}

fn otherwise<T>(value: T, _: &str) -> Result<(T, usize), Rejection> {
    Ok((value, 0))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(*nth(&[1, 2, 3], 2).await.unwrap(), 3);
    assert_eq!(nth(&["a", "b"], 0).await.unwrap(), &"a");
    assert_eq!(elided("abc").await.unwrap(), "bc");
    assert_eq!(cloned(vec![1], "ab").await.unwrap(), (vec![1], 2));
}
