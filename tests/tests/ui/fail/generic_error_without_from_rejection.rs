use resilience_runtime::{Rejection, circuit_breaker};

trait Gateway {
    type Error;

    #[circuit_breaker("payment")]
    fn charge(&self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[circuit_breaker("refund")]
async fn refund<E: std::error::Error>(error: E) -> Result<(), E> {
    Err(error)
}

fn main() {
    let _: Option<Rejection> = None;
}
