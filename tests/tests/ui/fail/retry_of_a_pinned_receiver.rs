use std::pin::Pin;

use resilience_runtime::{Rejection, retry};

struct Gateway;

impl Gateway {
    #[retry]
    async fn charge(self: Pin<&mut Self>) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
