use resilience_runtime as resilience;

#[resilience::retry]
#[resilience::timeout("1s")]
async fn charge() -> Result<(), resilience::Rejection> {
    Ok(())
}

fn main() {}
