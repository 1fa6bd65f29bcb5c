use resilience_runtime::circuit_breaker;

struct Receipt;

#[circuit_breaker]
#[fallback = queue]
async fn charge() -> Receipt {
    Receipt
}

fn queue() -> Receipt {
    Receipt
}

fn main() {}
