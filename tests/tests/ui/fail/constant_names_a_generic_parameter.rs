use resilience_runtime::{Rejection, circuit_breaker};

trait Limits {
    const RATE: f64;
}

#[circuit_breaker(failure_rate = T::RATE, minimum_calls = N, trip_if = |counts| counts.calls > N as u64)]
async fn charge<T: Limits, const N: u32>(_: T) -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
