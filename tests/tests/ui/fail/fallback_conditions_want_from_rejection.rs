use resilience_runtime::{circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(otherwise, on = [timed_out])]
async fn call() -> Result<(), std::fmt::Error> {
    Ok(())
}

fn otherwise() -> Result<(), std::fmt::Error> {
    Ok(())
}

fn main() {}
