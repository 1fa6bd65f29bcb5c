//! The user's module may call its own things what the prelude and the expansion call theirs.

mod guarded {
    #![no_implicit_prelude]

    mod own {
        pub(crate) struct Ok;
        pub(crate) struct Some;
        pub(crate) type Result<T> = ::core::result::Result<T, ::resilience_runtime::Rejection>;
    }

    use self::own::{Ok, Result, Some};
    use ::resilience_runtime::circuit_breaker;

    const OPERATION: f64 = 50.0;
    const BREAKER: u32 = 5;

    #[circuit_breaker("own names", failure_rate = OPERATION, consecutive_failures = BREAKER)]
    #[fallback = result]
    pub(crate) async fn breaker(permit: u8, __value: u8) -> Result<u8> {
        let (Ok, Some) = (Ok, Some);
        own::Result::Ok(permit + __value)
    }

    fn result(permit: u8, _: u8) -> Result<u8> {
        own::Result::Ok(permit)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(guarded::breaker(3, 4).await.unwrap(), 7);
}
