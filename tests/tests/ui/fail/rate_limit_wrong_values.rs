use resilience_runtime::{Rejection, rate_limit};

#[rate_limit]
async fn without_a_rate() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit(100)]
async fn number() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("100 per second")]
async fn prose() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("0/s", burst = 0, max_wait = "2h")]
async fn out_of_range() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("3/s", rate = "4/s")]
async fn twice() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("3/s", brust = 4)]
async fn unknown() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
