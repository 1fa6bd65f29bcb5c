use resilience_runtime::{Rejection, retry};

#[retry]
#[timeout = "2s"]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
