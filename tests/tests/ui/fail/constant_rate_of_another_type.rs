use resilience_runtime::{Rejection, rate_limit};

const RATE: u32 = 100;

#[rate_limit(RATE)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
