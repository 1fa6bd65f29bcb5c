use resilience_runtime::{Rejection, circuit_breaker, retry};

struct Gateway {
    sent: u8,
}

impl Gateway {
    #[retry]
    #[circuit_breaker("payment")]
    async fn charge(&mut self) -> Result<(), Rejection> {
        let sent = self.
    }

    fn sent(&self) -> u8 {
        self.sent
    }
}

async fn caller(gateway: &mut Gateway) -> Result<u8, Rejection> {
    gateway.charge().await?;
    Ok(gateway.sent())
}

fn main() {}
