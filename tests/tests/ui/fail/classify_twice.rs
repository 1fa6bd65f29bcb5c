use resilience_runtime::{circuit_breaker, fallback};

#[circuit_breaker(classify = resilience_runtime::classify::io)]
#[fallback(queue, classify = resilience_runtime::classify::io)]
async fn charge() -> Result<(), std::io::Error> {
    Ok(())
}

fn queue() -> Result<(), std::io::Error> {
    Ok(())
}

fn main() {}
