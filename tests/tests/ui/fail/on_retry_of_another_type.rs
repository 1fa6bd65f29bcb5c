use resilience_runtime::{Rejection, retry};

fn tell(attempt: u32) {
    println!("{attempt}");
}

#[retry(on_retry = tell)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
