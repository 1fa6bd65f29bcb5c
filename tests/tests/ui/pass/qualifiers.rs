//! `unsafe`, `pub(…)` and `extern` stay as they are written.

use resilience_runtime::{Rejection, circuit_breaker, retry};

mod inner {
    use super::*;

    #[circuit_breaker]
    pub(in crate::inner) async fn restricted() -> Result<u8, Rejection> {
        Ok(1)
    }

    #[circuit_breaker]
    pub(super) async fn to_the_parent() -> Result<u8, Rejection> {
        restricted().await
    }
}

/// # Safety
///
/// None is needed.
#[retry]
async unsafe fn dangerous(number: &mut u8) -> Result<u8, Rejection> {
    *number += 1;
    Ok(*number)
}

#[circuit_breaker]
#[expect(improper_ctypes_definitions)]
extern "C" fn foreign(number: u8) -> Result<u8, Rejection> {
    Ok(number)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(inner::to_the_parent().await.unwrap(), 1);
    let mut number = 1;
    assert_eq!(unsafe { dangerous(&mut number) }.await.unwrap(), 2);
    assert_eq!(foreign(3).unwrap(), 3);
}
