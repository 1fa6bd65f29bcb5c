use resilience_runtime::{Rejection, retry};

struct Gateway<const ATTEMPTS: u32>;

impl<const ATTEMPTS: u32> Gateway<ATTEMPTS> {
    #[retry(attempts = ATTEMPTS)]
    async fn charge(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
