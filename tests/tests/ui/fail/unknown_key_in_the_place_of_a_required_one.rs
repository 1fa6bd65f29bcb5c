use resilience_runtime::{Rejection, rate_limit, timeout};

#[timeout(duration = "2s")]
#[rate_limit(rat = "100/s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
