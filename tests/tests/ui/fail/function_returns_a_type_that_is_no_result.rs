use resilience_runtime::circuit_breaker;

struct Receipt;

#[circuit_breaker]
async fn charge() -> Receipt {
    Receipt
}

#[circuit_breaker]
fn refund() -> Receipt {
    Receipt
}

fn main() {}
