use std::future::Future;

use resilience_runtime::{Rejection, fallback};

#[fallback(queue)]
fn charge(log: &mut Vec<u64>) -> impl Future<Output = Result<usize, Rejection>> {
    log.push(1);
    async { Ok(log.len()) }
}

fn queue(log: &mut Vec<u64>) -> Result<usize, Rejection> {
    Ok(log.len())
}

fn main() {}
