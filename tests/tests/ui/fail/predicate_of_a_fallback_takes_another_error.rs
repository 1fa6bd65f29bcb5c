use resilience_runtime::{Rejection, fallback};

fn is_transient(code: &u8) -> bool {
    *code > 3
}

#[fallback(|| Ok(()), if = is_transient)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
