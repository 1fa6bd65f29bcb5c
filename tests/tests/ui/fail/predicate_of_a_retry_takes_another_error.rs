use resilience_runtime::{Rejection, retry};

fn is_transient(code: &u8) -> bool {
    *code > 3
}

#[retry(retry_if = is_transient)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
