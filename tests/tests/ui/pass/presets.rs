//! Every preset, with a key that wins beside it.

use resilience_runtime::{Rejection, circuit_breaker, registry, timeout};

macro_rules! by_preset {
    ($($preset:ident: $name:literal;)*) => {
        $(#[circuit_breaker($name, preset = $preset, failure_rate = 35)]
        #[timeout(preset = $preset)]
        async fn $preset() -> Result<(), Rejection> {
            Ok(())
        })*
    };
}

by_preset! {
    web_service: "web service";
    database: "database";
    external_api: "external api";
    internal_service: "internal service";
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for call in [web_service().await, database().await, external_api().await, internal_service().await] {
        call.unwrap();
    }
    assert!(registry().circuit_breaker("internal service").is_some());
}
