//! Every mode of a breaker.

use resilience_runtime::{Rejection, State, circuit_breaker, registry};

#[circuit_breaker("enforce", mode = enforce)]
async fn enforced() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("monitor", mode = monitor)]
async fn monitored() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("off", mode = off)]
async fn off() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    enforced().await.unwrap();
    monitored().await.unwrap();
    off().await.unwrap();
    for (name, state) in [("enforce", State::Closed), ("monitor", State::Monitoring), ("off", State::Disabled)] {
        assert_eq!(registry().circuit_breaker(name).unwrap().state(), state);
    }
}
