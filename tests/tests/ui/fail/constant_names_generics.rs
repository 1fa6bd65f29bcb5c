use resilience_runtime::{Rejection, circuit_breaker};

trait Limits {
    const RATE: f64;
}

#[circuit_breaker(failure_rate = T::RATE, minimum_calls = N, trip_if = |counts| counts.calls > N as u64)]
async fn generic<T: Limits, const N: u32>(_: T) -> Result<(), Rejection> {
    Ok(())
}

struct Service;

impl Service {
    const RATE: f64 = 10.0;

    #[circuit_breaker(failure_rate = Self::RATE)]
    async fn method(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
