use resilience_runtime::{Rejection, bulkhead, circuit_breaker};

#[circuit_breaker(crate = resilience_runtime)]
#[bulkhead(3, crate = crate::guards)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
