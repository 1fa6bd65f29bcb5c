//! Functions that are not async, with every policy that they can have.

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit, retry};

struct Parser {
    parsed: u32,
}

impl Parser {
    #[retry(attempts = 2, delay = "0s")]
    #[circuit_breaker("parser", key = self.parsed)]
    #[rate_limit("100/s")]
    #[bulkhead(3)]
    #[fallback = Self::zero]
    fn parse(&mut self, mut text: String, (least, _): (u32, u8)) -> Result<u32, Error> {
        self.parsed += 1;
        text.push('1');
        Ok(text.parse::<u32>()?.max(least))
    }

    fn zero(&mut self, _: String, _: (u32, u8), error: Error) -> Result<u32, Error> {
        match error {
            Error::Parse(_) => Ok(0),
            Error::Rejected(_) => Err(error),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Parse(#[from] std::num::ParseIntError),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn main() {
    let mut parser = Parser { parsed: 0 };
    assert_eq!(parser.parse("2".to_owned(), (1, 0)).unwrap(), 21);
    assert_eq!(parser.parse("x".to_owned(), (1, 0)).unwrap(), 0);
    assert_eq!(parser.parsed, 3);
}
