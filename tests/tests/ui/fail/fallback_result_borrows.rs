use resilience_runtime::{Rejection, circuit_breaker};

struct Service(String);

impl Service {
    #[circuit_breaker]
    #[fallback = Self::otherwise]
    async fn text(&mut self) -> Result<&str, Rejection> {
        Ok(&self.0)
    }

    fn otherwise(&mut self) -> Result<&str, Rejection> {
        Ok(&self.0)
    }
}

#[circuit_breaker]
#[fallback = rest]
async fn fill<'a>(text: &str, buffer: &'a mut [u8]) -> Result<(usize, &'a [u8]), Rejection> {
    Ok((text.len(), buffer))
}

fn rest<'a>(text: &str, buffer: &'a mut [u8]) -> Result<(usize, &'a [u8]), Rejection> {
    Ok((text.len(), buffer))
}

fn main() {}
