use resilience_runtime::{Rejection, circuit_breaker};

#[derive(Debug)]
struct PaymentError;

fn to_text(rejection: Rejection) -> String {
    rejection.to_string()
}

#[circuit_breaker(map_rejection = to_text)]
async fn charge() -> Result<(), PaymentError> {
    Err(PaymentError)
}

fn main() {}
