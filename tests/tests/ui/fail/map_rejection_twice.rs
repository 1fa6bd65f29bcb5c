use resilience_runtime::{Rejection, circuit_breaker, fallback};

#[circuit_breaker(map_rejection = to_text)]
#[fallback(queue, map_rejection = to_text)]
async fn charge() -> Result<(), String> {
    Ok(())
}

fn to_text(rejection: Rejection) -> String {
    rejection.to_string()
}

fn queue() -> Result<(), String> {
    Ok(())
}

fn main() {}
