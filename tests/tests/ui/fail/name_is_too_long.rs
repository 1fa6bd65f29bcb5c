use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(
    "abcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghi"
)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
