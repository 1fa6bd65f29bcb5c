use resilience_runtime::circuit_breaker;

#[circuit_breaker]
async fn nothing() {}

#[circuit_breaker]
async fn number() -> u64 {
    7
}

#[circuit_breaker]
async fn option() -> Option<Vec<u64>> {
    None
}

struct Receipt;

#[circuit_breaker]
async fn own_type() -> Receipt {
    Receipt
}

fn main() {}
