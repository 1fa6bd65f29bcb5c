use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = fewer]
async fn takes_two(order: u64, text: &str) -> Result<usize, Rejection> {
    Ok(order as usize + text.len())
}

fn fewer(_: u64) -> Result<usize, Rejection> {
    Ok(0)
}

#[circuit_breaker]
#[fallback = other]
async fn takes_a_text(text: &str) -> Result<usize, Rejection> {
    Ok(text.len())
}

fn other(_: String) -> Result<usize, Rejection> {
    Ok(0)
}

struct Service;

impl Service {
    #[circuit_breaker]
    #[fallback = Self::without_receiver]
    async fn method(&self) -> Result<usize, Rejection> {
        Ok(1)
    }

    fn without_receiver() -> Result<usize, Rejection> {
        Ok(0)
    }
}

fn main() {}
