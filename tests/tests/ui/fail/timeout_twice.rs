use resilience_runtime::{Rejection, bulkhead, retry, timeout};

#[timeout("2s")]
#[bulkhead(3)]
#[timeout("1s")]
async fn without_a_retry() -> Result<(), Rejection> {
    Ok(())
}

#[retry]
#[timeout("2s")]
#[timeout("1s")]
async fn both_below() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("3s")]
#[retry]
#[timeout("2s")]
#[timeout("1s")]
async fn three() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
