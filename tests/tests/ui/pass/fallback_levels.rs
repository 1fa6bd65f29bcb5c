//! Each level answers when the one before returned an error, and takes that error.

use resilience_runtime::{Failure, Rejection, bulkhead, circuit_breaker, fallback};

#[derive(Debug, PartialEq)]
struct Error(u8);

struct Shelf {
    asked: Vec<&'static str>,
}

impl Shelf {
    #[circuit_breaker(map_rejection = |_| Error(9))]
    #[fallback(Self::near, |shelf, article, error: Error| shelf.far(article, error.0), Self::nowhere)]
    async fn count(&mut self, article: String) -> Result<usize, Error> {
        self.asked.push("shelf");
        if article.is_empty() { Ok(0) } else { Err(Error(1)) }
    }

    async fn near(&mut self, article: String, error: Error) -> Result<usize, Error> {
        self.asked.push("near");
        if article.len() == 1 { Ok(1) } else { Err(Error(error.0 + 1)) }
    }

    fn far(&mut self, article: String, error: u8) -> Result<usize, Error> {
        self.asked.push("far");
        if article.len() == 2 { Ok(2) } else { Err(Error(error + 1)) }
    }

    fn nowhere(&mut self, _: String, failure: Failure<Error>) -> Result<usize, Error> {
        self.asked.push("nowhere");
        match failure {
            Failure::Call(error) => Err(error),
            _ => unreachable!(),
        }
    }
}

/// `Error` is not `From<Rejection>`, and nobody asks for it.
#[fallback(first, second)]
#[bulkhead(3)]
async fn two(number: &mut u8) -> Result<u8, Error> {
    Err(Error(*number))
}

async fn first(number: &mut u8) -> Result<u8, Error> {
    *number += 1;
    Err(Error(*number))
}

fn second(number: &mut u8, error: Error) -> Result<u8, Error> {
    Ok(*number + error.0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut shelf = Shelf { asked: Vec::new() };
    for (article, answer) in [("", Ok(0)), ("a", Ok(1)), ("ab", Ok(2)), ("abc", Err(Error(3)))] {
        assert_eq!(shelf.count(article.to_owned()).await, answer);
    }
    let asked = "shelf shelf near shelf near far shelf near far nowhere";
    assert_eq!(shelf.asked.join(" "), asked);
    assert_eq!(two(&mut 1).await, Ok(4));
    let _ = Rejection::name;
}
