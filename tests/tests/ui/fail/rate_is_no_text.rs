use resilience_runtime::{Rejection, rate_limit};

#[rate_limit(true)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
