use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("3/s", cost = rows.len())]
async fn import(rows: &[u8]) -> Result<usize, Rejection> {
    Ok(rows.len())
}

fn main() {}
