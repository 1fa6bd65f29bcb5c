use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(
    failure_rate = "50",
    minimum_calls = 2.5,
    window = true,
    open_for = 30,
    max_open_for = "thirty seconds",
    half_open_timeout = "30",
    mode = "off",
    preset = databse,
    failure_if = true,
    ignore_if = |a, b| true,
    crate = "resilience_runtime",
)]
async fn values() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(payment)]
async fn name() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
