//! Tenants that are added and removed while the program runs, each with a stack of policies of its own that one who is in trouble does not share with the others.
//!
//! There is no network in it. A tenant's backend is a flag that says whether it is up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use resilience_runtime::{
    BulkheadConfig, CircuitBreakerConfig, Failure, Pipeline, PipelineError, RetryConfig, TimeoutConfig, registry,
};

#[derive(Debug, thiserror::Error)]
#[error("the backend is down")]
struct BackendDown;

struct Tenant {
    pipeline: Pipeline,
    backend_is_up: Arc<AtomicBool>,
}

impl Tenant {
    fn new(name: &str) -> Result<Self, PipelineError> {
        let pipeline = Pipeline::builder(format!("tenant {name}"))
            .retry(RetryConfig::new().attempts(2).delay(Duration::from_millis(10)))
            .circuit_breaker(CircuitBreakerConfig::new().consecutive_failures(4).open_for(Duration::from_millis(200)))
            .bulkhead(BulkheadConfig::new().max_concurrent(5))
            .timeout(TimeoutConfig::new().after(Duration::from_secs(1)))
            .build()?;
        Ok(Self { pipeline, backend_is_up: Arc::new(AtomicBool::new(true)) })
    }

    async fn ask(&self) -> Result<&'static str, Failure<BackendDown>> {
        self.pipeline
            .call(|| async {
                if self.backend_is_up.load(Ordering::Relaxed) { Ok("an answer") } else { Err(BackendDown) }
            })
            .await
    }
}

#[tokio::main]
async fn main() -> Result<(), PipelineError> {
    let mut tenants = BTreeMap::new();
    for name in ["acme", "globex"] {
        tenants.insert(name, Tenant::new(name)?);
    }
    tenants["globex"].backend_is_up.store(false, Ordering::Relaxed);
    for round in 1..=3 {
        for (name, tenant) in &tenants {
            match tenant.ask().await {
                Ok(answer) => println!("round {round}, {name}: {answer}"),
                Err(failure) => println!("round {round}, {name}: {failure}"),
            }
        }
    }
    println!("{}", registry().describe());

    tenants.remove("globex");
    tenants.insert("initech", Tenant::new("initech")?);
    let names: Vec<_> = registry().circuit_breakers().map(|breaker| breaker.name().to_string()).collect();
    println!("the breakers that there are now: {}", names.join(", "));
    Ok(())
}
