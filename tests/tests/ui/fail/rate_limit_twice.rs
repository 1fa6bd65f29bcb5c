use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("3/s")]
#[rate_limit("3/s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
