use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window = 10, minimum_calls = 11)]
async fn minimum_above_window() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = none)]
async fn no_rule() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(slow_call_rate = 50)]
async fn slow_without_a_limit() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(half_open_successes = 4)]
async fn more_successes_than_probes() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(open_for = "1m", max_open_for = "30s")]
async fn cap_below_open_for() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(open_for = "1h", open_backoff = 2)]
async fn default_cap_below_open_for() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(max_keys = 10)]
async fn keys_of_nothing() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
