//! `#[deprecated]` above and below still warns who calls: the expectations would not be fulfilled otherwise.
#![deny(warnings)]

use resilience_runtime::{Rejection, circuit_breaker};

#[deprecated]
#[circuit_breaker]
async fn above() -> Result<u8, Rejection> {
    Ok(1)
}

#[circuit_breaker]
#[deprecated(note = "use another one")]
async fn below() -> Result<u8, Rejection> {
    Ok(2)
}

fn main() {
    #[expect(deprecated)]
    drop(above());
    #[expect(deprecated)]
    drop(below());
}
