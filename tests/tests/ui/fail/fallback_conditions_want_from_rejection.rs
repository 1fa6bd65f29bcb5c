use resilience_runtime::{circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(otherwise, on = [timed_out])]
async fn call() -> Result<(), String> {
    Ok(())
}

fn otherwise() -> Result<(), String> {
    Ok(())
}

fn main() {}
