#![deny(unused_mut)]

use resilience_runtime::{Rejection, retry};

#[retry]
async fn charge(mut order: String, mut count: &mut usize) -> Result<(), Rejection> {
    *count += order.len();
    Ok(())
}

fn main() {}
