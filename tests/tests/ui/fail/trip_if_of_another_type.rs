use resilience_runtime::{Rejection, WindowCounts, circuit_breaker};

fn too_many(counts: WindowCounts) -> bool {
    counts.failures > 7
}

#[circuit_breaker(trip_if = too_many)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(trip_if = |counts| counts.succeeded > 7)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
