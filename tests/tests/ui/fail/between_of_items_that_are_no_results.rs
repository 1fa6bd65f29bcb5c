use resilience_runtime::{Rejection, timeout};
use tokio_stream::Stream;

#[timeout("1s", between = "5s", stream = true)]
async fn rows() -> Result<impl Stream<Item = u32>, Rejection> {
    Ok(tokio_stream::iter([1]))
}

fn main() {}
