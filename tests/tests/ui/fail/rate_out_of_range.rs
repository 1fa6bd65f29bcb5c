use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("0/s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
