use resilience_runtime::{Rejection, timeout};

#[tokio::main(flavor = "current_thread")]
#[timeout("1s")]
async fn main() -> Result<(), Rejection> {
    Ok(())
}
