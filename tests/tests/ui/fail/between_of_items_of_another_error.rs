use resilience_runtime::{Rejection, timeout};
use tokio_stream::Stream;

struct Broken;

#[timeout("1s", between = "5s", stream = true)]
async fn rows() -> Result<impl Stream<Item = Result<u32, Broken>>, Rejection> {
    Ok(tokio_stream::iter([Ok(1)]))
}

fn main() {}
