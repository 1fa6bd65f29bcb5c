use resilience_runtime::{Rejection, retry};

#[cfg_attr(all(), retry(attempts = 2), retry(attempts = 3))]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
