use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("100 per second")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
