//! Every form of a fallback: function, method and closure, sync and async, with and without the error.

use resilience_runtime::{Failure, Rejection, circuit_breaker, fallback};

#[derive(Debug, PartialEq)]
enum Error {
    Broken,
    Rejected,
}

impl From<Rejection> for Error {
    fn from(_: Rejection) -> Self {
        Self::Rejected
    }
}

type Answer = Result<u64, Error>;

macro_rules! answered_by {
    ($($name:ident: $fallback:expr;)*) => {
        $(#[circuit_breaker]
        #[fallback = $fallback]
        async fn $name(number: u64, text: &str) -> Answer {
            if text.is_empty() { Err(Error::Broken) } else { Ok(number) }
        })*
    };
}

answered_by! {
    by_function: function;
    by_async_function: async_function;
    by_function_with_error: function_with_error;
    by_async_function_with_error: async_function_with_error;
    by_function_with_failure: function_with_failure;
    by_async_function_with_failure: async_function_with_failure;
    by_path: paths::function;
    by_generic_path: generic::<u64>;
    by_closure: |number, _| Ok(number + 8);
    by_async_closure: async |number, _: &str| Ok(number + 9);
    by_closure_with_future: |number, _| async move { Ok(number + 10) };
    by_closure_with_error: |number, _, error: Error| if error == Error::Broken { Ok(number + 11) } else { Err(error) };
    by_closure_with_failure: |number, _, failure| match failure {
        Failure::Call(Error::Broken) => Ok(number + 12),
        failure => Err(Error::from(failure.rejection().unwrap().clone())),
    };
}

fn function(number: u64, _: &str) -> Answer {
    Ok(number)
}

async fn async_function(number: u64, _: &str) -> Answer {
    Ok(number + 1)
}

fn function_with_error(number: u64, _: &str, error: Error) -> Answer {
    if error == Error::Broken { Ok(number + 2) } else { Err(error) }
}

async fn async_function_with_error(number: u64, _: &str, error: Error) -> Answer {
    if error == Error::Broken { Ok(number + 3) } else { Err(error) }
}

fn function_with_failure(number: u64, _: &str, failure: Failure<Error>) -> Answer {
    if matches!(failure, Failure::Call(_)) { Ok(number + 4) } else { Err(Error::Rejected) }
}

async fn async_function_with_failure(number: u64, _: &str, failure: Failure<Error>) -> Answer {
    if matches!(failure, Failure::Call(_)) { Ok(number + 5) } else { Err(Error::Rejected) }
}

mod paths {
    pub(crate) fn function(number: u64, _: &str) -> super::Answer {
        Ok(number + 6)
    }
}

fn generic<T: From<u64> + Into<u64>>(number: T, _: &str) -> Answer {
    Ok(number.into() + 7)
}

struct Service(u64);

impl Service {
    #[circuit_breaker]
    #[fallback = Self::cached]
    async fn read(&self, number: u64) -> Answer {
        if self.0 == 0 { Err(Error::Broken) } else { Ok(number) }
    }

    async fn cached(&self, number: u64, error: Error) -> Answer {
        assert_eq!(error, Error::Broken);
        Ok(self.0 + number + 1)
    }

    #[fallback(|this, number| Ok(this.0 + number + 2))]
    #[circuit_breaker]
    async fn read_by_closure(&self, number: u64) -> Answer {
        if self.0 == 0 { Err(Error::Broken) } else { Ok(number) }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(by_function(1, "not asked").await, Ok(1));
    assert_eq!(by_function(1, "").await, Ok(1));
    assert_eq!(by_async_function(1, "").await, Ok(2));
    assert_eq!(by_function_with_error(1, "").await, Ok(3));
    assert_eq!(by_async_function_with_error(1, "").await, Ok(4));
    assert_eq!(by_function_with_failure(1, "").await, Ok(5));
    assert_eq!(by_async_function_with_failure(1, "").await, Ok(6));
    assert_eq!(by_path(1, "").await, Ok(7));
    assert_eq!(by_generic_path(1, "").await, Ok(8));
    assert_eq!(by_closure(1, "").await, Ok(9));
    assert_eq!(by_async_closure(1, "").await, Ok(10));
    assert_eq!(by_closure_with_future(1, "").await, Ok(11));
    assert_eq!(by_closure_with_error(1, "").await, Ok(12));
    assert_eq!(by_closure_with_failure(1, "").await, Ok(13));
    assert_eq!(Service(0).read(3).await, Ok(4));
    assert_eq!(Service(0).read_by_closure(3).await, Ok(5));
}
