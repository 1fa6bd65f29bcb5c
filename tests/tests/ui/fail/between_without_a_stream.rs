use resilience_runtime::{Rejection, timeout};

#[timeout("1s", between = "5s")]
async fn rows() -> Result<u32, Rejection> {
    Ok(1)
}

fn main() {}
