use resilience_runtime::{Rejection, timeout};

#[timeout("1s")]
fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
