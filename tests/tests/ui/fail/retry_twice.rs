use resilience_runtime::{Rejection, retry};

#[retry]
#[retry]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
