use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("3/s", burst = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
