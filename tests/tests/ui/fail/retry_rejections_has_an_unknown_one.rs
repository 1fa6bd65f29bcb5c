use resilience_runtime::{Rejection, retry};

#[retry(retry_rejections = [timedout, open])]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
