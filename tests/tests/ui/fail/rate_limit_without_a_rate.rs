use resilience_runtime::{Rejection, rate_limit};

#[rate_limit]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
