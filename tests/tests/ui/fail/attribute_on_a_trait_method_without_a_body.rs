use resilience_runtime::{Rejection, circuit_breaker};

trait Gateway {
    #[circuit_breaker("payment")]
    async fn charge(&self) -> Result<(), Rejection>;
}

fn main() {}
