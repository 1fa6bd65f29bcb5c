use resilience_runtime::{circuit_breaker, retry};

#[circuit_breaker("pay\nment")]
async fn charge() -> Result<(), Error> {
    Ok(())
}

#[retry(name = "\u{1b}[31mstock")]
async fn stock() -> Result<(), Error> {
    Ok(())
}

#[derive(thiserror::Error, Debug)]
#[error(transparent)]
struct Error(#[from] resilience_runtime::Rejection);

fn main() {}
