use resilience_runtime::{Rejection, Verdict, circuit_breaker};
use tokio_stream::Stream;

fn judge(_: &String) -> Verdict {
    Verdict::SUCCESS
}

#[circuit_breaker(stream = true, classify_item = judge)]
async fn rows() -> Result<impl Stream<Item = u32>, Rejection> {
    Ok(tokio_stream::iter([1]))
}

#[circuit_breaker(stream = true, classify_item = |item| item.is_ok())]
async fn results() -> Result<impl Stream<Item = Result<u32, Rejection>>, Rejection> {
    Ok(tokio_stream::iter([Ok(1)]))
}

fn main() {}
