use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_rate = rate)]
async fn number(rate: f64) -> Result<f64, Rejection> {
    Ok(rate)
}

#[circuit_breaker(trip_if = |counts| counts.failures > limit)]
async fn rule(limit: u64) -> Result<u64, Rejection> {
    Ok(limit)
}

fn main() {}
