use resilience_runtime::circuit_breaker;

#[circuit_breaker("payment")]
struct Payment;

fn main() {}
