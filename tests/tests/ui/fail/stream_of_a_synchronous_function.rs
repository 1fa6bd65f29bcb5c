use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(stream = true)]
fn rows() -> Result<impl tokio_stream::Stream<Item = u32>, Rejection> {
    Ok(tokio_stream::iter([1]))
}

fn main() {}
