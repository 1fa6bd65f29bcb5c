use resilience_runtime::{Rejection, timeout};

#[timeout]
async fn without_a_duration() -> Result<(), Rejection> {
    Ok(())
}

#[timeout(2)]
async fn without_a_unit() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("0s")]
async fn too_short() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1s", after = "2s")]
async fn twice() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1s", "payment")]
async fn two_values() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1s", aftre = "2s")]
async fn unknown() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
