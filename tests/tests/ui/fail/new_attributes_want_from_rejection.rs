use resilience_runtime::{bulkhead, timeout};

struct Error;

#[bulkhead(3)]
async fn full() -> Result<(), Error> {
    Ok(())
}

#[timeout("1s")]
async fn slow() -> Option<()> {
    None
}

fn main() {}
