//! The attributes without an import, and a runtime crate that is re-exported under another name.

use guards::resilience as renamed;

mod guards {
    pub(crate) use resilience_runtime as resilience;
}

#[resilience_runtime::circuit_breaker]
#[::resilience_runtime::fallback(seven)]
async fn by_path() -> Result<u8, renamed::Rejection> {
    Ok(1)
}

#[renamed::circuit_breaker("renamed", crate = renamed)]
#[renamed::fallback(seven)]
async fn renamed_by_path() -> Result<u8, renamed::Rejection> {
    Ok(2)
}

#[crate::guards::resilience::fallback(seven, crate = crate::guards::resilience)]
#[crate::guards::resilience::circuit_breaker("renamed")]
async fn by_a_longer_path() -> Result<u8, renamed::Rejection> {
    Ok(3)
}

fn seven() -> Result<u8, renamed::Rejection> {
    Ok(7)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(by_path().await.unwrap(), 1);
    assert_eq!(renamed_by_path().await.unwrap(), 2);
    assert_eq!(by_a_longer_path().await.unwrap(), 3);
}
