use resilience_runtime::circuit_breaker;

#[circuit_breaker]
async fn charge() -> u64 {
    7
}

#[circuit_breaker]
async fn find() -> Option<Vec<u64>> {
    None
}

fn main() {}
