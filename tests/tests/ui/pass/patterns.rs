//! Arguments that are taken apart where they are declared, also beside a fallback.

use resilience_runtime::{Rejection, circuit_breaker};

#[derive(Clone)]
struct Page {
    from: u64,
    rows: u64,
}

#[circuit_breaker]
async fn plain((a, mut b): (u64, u64), Page { from, rows: _ }: Page, &c: &u64, _: u64) -> Result<u64, Rejection> {
    b += 1;
    Ok(a + b + from + c)
}

#[circuit_breaker]
#[fallback = otherwise]
async fn beside_a_fallback(
    (a, mut b): (u64, u64),
    Page { from, rows }: Page,
    [first, ..]: &mut [u64; 2],
    whole @ (_, _): (u8, u8),
    ref seen: String,
    _: Vec<u8>,
    r#type: Box<u64>,
) -> Result<u64, Rejection> {
    b += *r#type;
    *first += 1;
    Ok(a + b + from + rows + *first + u64::from(whole.0) + seen.len() as u64)
}

fn otherwise(
    pair: (u64, u64),
    page: Page,
    array: &mut [u64; 2],
    _: (u8, u8),
    _: String,
    unseen: Vec<u8>,
    _: Box<u64>,
) -> Result<u64, Rejection> {
    Ok(pair.0 + page.from + array[0] + unseen.len() as u64)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(plain((1, 2), Page { from: 3, rows: 4 }, &5, 6).await.unwrap(), 12);
    let (page, text) = (Page { from: 3, rows: 4 }, "nine".to_owned());
    let sum = beside_a_fallback((1, 2), page, &mut [5, 6], (7, 8), text, vec![], Box::new(1)).await;
    assert_eq!(sum.unwrap(), 28);
}
