use resilience_runtime::{Rejection, bulkhead, rate_limit};

const RATE: u32 = 100;
const CALLS: &str = "10";

#[rate_limit(RATE)]
async fn rate() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(CALLS)]
async fn calls() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
