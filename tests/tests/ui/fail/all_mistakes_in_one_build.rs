use resilience_runtime::{circuit_breaker, fallback};

#[circuit_breaker("payment", failure_rate = 0, windw = "10s", open_for = "soon", mode = of)]
#[fallback(first, "second")]
fn charge() -> u64 {
    7
}

fn main() {}
