use resilience_runtime::{Rejection, retry};

fn is_transient(code: &u8) -> bool {
    *code > 3
}

#[retry(retry_if = is_transient)]
async fn condition() -> Result<(), Rejection> {
    Ok(())
}

#[retry(retry_after = |error: &Rejection| error.name().len())]
async fn wait() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
