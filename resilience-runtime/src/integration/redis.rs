//! `redis`' errors and connections.

use crate::error::Rejection;
use crate::integration::CHECKED_WITHIN;
use crate::name::Name;
use crate::registry::HealthCheck;
use crate::verdict::Verdict;
use ::redis::aio::ConnectionLike;
use ::redis::{ErrorKind, RedisError, ServerErrorKind, cmd};
use std::io;

/// Classifies the result of a function that fails with an error of `redis` 1. Every `Ok` is a success.
///
/// ```
/// use redis::{ErrorKind, RedisError};
/// use resilience_runtime::{Verdict, classify};
///
/// let error = RedisError::from((ErrorKind::UnexpectedReturnType, "not a number"));
/// assert_eq!(classify::redis(Err::<&(), _>(&error)), Verdict::SUCCESS);
/// ```
pub fn redis<T: ?Sized>(result: Result<&T, &RedisError>) -> Verdict {
    result.map_or_else(redis_error, |_| Verdict::SUCCESS)
}

/// Classifies an error of `redis` 1.
///
/// | error | verdict |
/// |---|---|
/// | input or output, a timeout and a lost connection among it; no connection to a node of the cluster; LOADING, CLUSTERDOWN, MASTERDOWN | `FAILURE` |
/// | TRYAGAIN, MOVED, ASK | `IGNORED.again()` |
/// | anything else: Redis has answered, or was not asked | `SUCCESS` |
///
/// ```
/// use resilience_runtime::{Verdict, classify};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// assert_eq!(classify::redis_error(&refused.into()), Verdict::FAILURE);
/// ```
pub fn redis_error(error: &RedisError) -> Verdict {
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading | ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown,
        ) => Verdict::FAILURE,
        ErrorKind::Server(ServerErrorKind::TryAgain | ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            Verdict::IGNORED.again()
        }
        _ => Verdict::SUCCESS,
    }
}

/// As an error of input or output. [`Rejection::source_of`] finds the rejection in it.
///
/// ```
/// use redis::RedisError;
/// use resilience_runtime::Rejection;
///
/// let full = Rejection::BulkheadFull { name: "sessions".into(), key: None };
/// let error = RedisError::from(full.clone());
/// assert_eq!(error.to_string(), "bulkhead `sessions` is full");
/// assert_eq!(Rejection::source_of(&error), Some(&full));
/// ```
impl From<Rejection> for RedisError {
    fn from(rejection: Rejection) -> Self {
        io::Error::from(rejection).into()
    }
}

impl HealthCheck {
    /// Whether Redis answers a `PING` on a connection of `redis` 1 that can be cloned, such as a `MultiplexedConnection` or a `ConnectionManager`. It has two seconds, unless
    /// [`timeout`](Self::timeout) says otherwise.
    ///
    /// ```
    /// # use redis::aio::ConnectionLike;
    /// use resilience_runtime::{HealthCheck, HealthError, registry};
    ///
    /// fn watch(connection: &(impl ConnectionLike + Clone + Send + Sync + 'static)) -> Result<(), HealthError> {
    ///     registry().health_check(HealthCheck::redis("cache", connection).critical(false))
    /// }
    /// ```
    pub fn redis<C>(name: impl Into<Name>, connection: &C) -> Self
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        let connection = connection.clone();
        Self::new(name, CHECKED_WITHIN, move || {
            let mut connection = connection.clone();
            async move { cmd("PING").exec_async(&mut connection).await }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::redis::{Cmd, Pipeline, RedisFuture, Value};
    use std::time::Duration;

    #[test]
    fn each_row_of_the_table() {
        use ErrorKind::{Server, *};
        use ServerErrorKind::*;
        let rows: [(&[ErrorKind], Verdict); 3] = [
            (
                &[Io, ClusterConnectionNotFound, Server(BusyLoading), Server(ClusterDown), Server(MasterDown)],
                Verdict::FAILURE,
            ),
            (&[Server(TryAgain), Server(Moved), Server(Ask)], Verdict::IGNORED.again()),
            (
                &[
                    Parse,
                    AuthenticationFailed,
                    UnexpectedReturnType,
                    InvalidClientConfig,
                    Client,
                    Extension,
                    Server(ResponseError),
                    Server(NoScript),
                    Server(ReadOnly),
                ],
                Verdict::SUCCESS,
            ),
        ];
        for (kinds, verdict) in rows {
            for kind in kinds {
                let error = RedisError::from((*kind, "no"));
                assert_eq!(redis_error(&error), verdict, "{kind:?}");
                assert_eq!(redis(Err::<&u8, _>(&error)), verdict, "{kind:?}");
            }
        }
        for kind in [io::ErrorKind::TimedOut, io::ErrorKind::BrokenPipe, io::ErrorKind::NotFound] {
            assert_eq!(redis_error(&io::Error::from(kind).into()), Verdict::FAILURE, "{kind:?}");
        }
        assert_eq!(redis(Ok(&1)), Verdict::SUCCESS);
    }

    /// Answers a PING, or not.
    #[derive(Clone, Copy)]
    enum Connection {
        Alive,
        Loading,
        Stuck,
    }

    impl ConnectionLike for Connection {
        fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
            Box::pin(async move {
                assert_eq!(cmd.get_packed_command(), b"*1\r\n$4\r\nPING\r\n");
                match self {
                    Self::Alive => Ok(Value::SimpleString("PONG".into())),
                    Self::Loading => Err((ErrorKind::Server(ServerErrorKind::BusyLoading), "loading").into()),
                    Self::Stuck => std::future::pending().await,
                }
            })
        }

        fn req_packed_commands<'a>(&'a mut self, _: &'a Pipeline, _: usize, _: usize) -> RedisFuture<'a, Vec<Value>> {
            unreachable!("a PING is one command")
        }

        fn get_db(&self) -> i64 {
            0
        }
    }

    #[tokio::test]
    async fn a_check_asks_for_a_pong() {
        let check =
            async |connection| HealthCheck::redis("cache", &connection).timeout(Duration::from_millis(20)).run().await;
        assert_eq!(check(Connection::Alive).await, Ok(()));
        assert!(check(Connection::Loading).await.unwrap_err().starts_with("failed: loading"));
        assert_eq!(check(Connection::Stuck).await, Err("did not answer within 20ms".into()));
    }

    #[test]
    fn a_rejection_is_found_in_the_error_that_was_made_of_it() {
        let rejection = Rejection::Unsuccessful { name: "sessions".into() };
        let error = RedisError::from(rejection.clone());
        assert!(error.is_io_error());
        assert_eq!(Rejection::source_of(&error), Some(&rejection));
    }
}
