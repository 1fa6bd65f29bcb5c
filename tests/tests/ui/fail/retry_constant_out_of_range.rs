use resilience_runtime::{Rejection, retry};

const ATTEMPTS: u32 = 101;

#[retry(attempts = ATTEMPTS)]
async fn call() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
