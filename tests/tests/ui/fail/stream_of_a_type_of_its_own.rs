use resilience_runtime::{Rejection, circuit_breaker};

type Rows = tokio_stream::Iter<std::vec::IntoIter<u32>>;

#[circuit_breaker(stream = true)]
async fn rows() -> Result<Rows, Rejection> {
    Ok(tokio_stream::iter(vec![1]))
}

fn main() {}
