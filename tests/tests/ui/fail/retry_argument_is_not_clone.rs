use resilience_runtime::{Rejection, retry};

struct Token;

#[retry]
async fn call(token: Token) -> Result<(), Rejection> {
    drop(token);
    Ok(())
}

struct Session;

impl Session {
    #[retry]
    async fn end(self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
