use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("3/s", rate = "4/s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
