use resilience_runtime::{Rejection, retry};

#[retry(delay = "25h")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
