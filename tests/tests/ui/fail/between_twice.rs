use resilience_runtime::{Rejection, retry, timeout};
use tokio_stream::Stream;

#[timeout("9s", between = "5s", stream = true)]
#[retry]
#[timeout("1s", between = "2s")]
async fn rows() -> Result<impl Stream<Item = Result<u32, Rejection>>, Rejection> {
    Ok(tokio_stream::iter([Ok(1)]))
}

fn main() {}
