use resilience_runtime::{Rejection, retry};

#[retry(retry_rejections = [timed_out, unsuccessful])]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
