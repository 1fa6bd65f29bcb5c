use resilience_runtime::{Backoff, Jitter, Mode, Rejection, RejectionKind, circuit_breaker, retry};

#[retry(backoff = Backoff::Linear, jitter = Jitter::Full, retry_rejections = [RejectionKind::TimedOut])]
#[circuit_breaker(mode = Mode::Monitor)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
