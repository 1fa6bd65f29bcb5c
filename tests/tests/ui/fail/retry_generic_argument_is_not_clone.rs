use resilience_runtime::{Rejection, retry};

#[retry]
async fn charge<T: Send>(order: T, notify: impl Fn()) -> Result<T, Rejection> {
    notify();
    Ok(order)
}

fn main() {}
