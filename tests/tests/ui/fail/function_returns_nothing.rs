use resilience_runtime::circuit_breaker;

#[circuit_breaker]
async fn charge() {}

fn main() {}
