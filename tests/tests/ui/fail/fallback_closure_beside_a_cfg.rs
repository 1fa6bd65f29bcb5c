use resilience_runtime::{Rejection, fallback};

#[fallback(|_| Ok(0))]
async fn charge(#[cfg(all())] cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

fn main() {}
