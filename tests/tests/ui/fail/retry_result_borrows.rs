use resilience_runtime::{Rejection, retry, timeout};

struct Service(String);

impl Service {
    #[retry]
    async fn text(&mut self) -> Result<&str, Rejection> {
        Ok(&self.0)
    }
}

#[retry]
#[timeout("1s")]
async fn fill<'a>(text: &str, buffer: &'a mut [u8]) -> Result<(usize, &'a [u8]), Rejection> {
    Ok((text.len(), buffer))
}

fn main() {}
