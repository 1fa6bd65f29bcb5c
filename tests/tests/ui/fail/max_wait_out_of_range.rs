use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("3/s", max_wait = "2h")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
