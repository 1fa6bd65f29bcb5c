//! `sqlx`'s errors and pools, whatever the database.

use crate::error::Rejection;
use crate::integration::CHECKED_WITHIN;
use crate::name::Name;
use crate::registry::HealthCheck;
use crate::verdict::Verdict;
use sqlx_core::connection::Connection;
use sqlx_core::database::Database;
use sqlx_core::error::{DatabaseError, Error, ErrorKind};
use sqlx_core::pool::Pool;
use std::io;

/// Classifies the result of a function that fails with an error of `sqlx` 0.8. Every `Ok` is a success.
///
/// ```
/// use resilience_runtime::{Verdict, classify};
/// use sqlx_core::error::Error;
///
/// assert_eq!(classify::sqlx(Err::<&(), _>(&Error::RowNotFound)), Verdict::SUCCESS);
/// assert_eq!(classify::sqlx(Err::<&(), _>(&Error::PoolTimedOut)), Verdict::FAILURE);
/// ```
pub fn sqlx<T: ?Sized>(result: Result<&T, &Error>) -> Verdict {
    result.map_or_else(sqlx_error, |_| Verdict::SUCCESS)
}

/// Classifies an error of `sqlx` 0.8. What the database itself says is judged by its SQLSTATE, or where it has none (SQLite) by whether it is a constraint that is violated.
///
/// | error | verdict |
/// |---|---|
/// | no such row; classes 22 (data), 23 (constraints) and 42 (syntax and access); a constraint of any database | `SUCCESS` |
/// | 40001 (serialisation), 40P01 (deadlock) | `IGNORED.again()` |
/// | input or output, TLS, protocol, a pool that has no connection in time; classes 08 (connection), 53 (resources) and 57P (shutdown) | `FAILURE` |
/// | anything else | `FAILURE.not_again()` |
///
/// ```
/// use resilience_runtime::{Verdict, classify};
/// use sqlx_core::error::Error;
///
/// assert_eq!(classify::sqlx_error(&Error::ColumnNotFound("price".into())), Verdict::FAILURE.not_again());
/// ```
pub fn sqlx_error(error: &Error) -> Verdict {
    match error {
        Error::RowNotFound => Verdict::SUCCESS,
        Error::Database(error) => of_database(&**error),
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::PoolTimedOut => Verdict::FAILURE,
        _ => Verdict::FAILURE.not_again(),
    }
}

fn of_database(error: &dyn DatabaseError) -> Verdict {
    let code = error.code().unwrap_or_default();
    // SQLite has numbers of at most four digits.
    let state = if code.len() == 5 { &*code } else { "" };
    match state {
        "40001" | "40P01" => Verdict::IGNORED.again(),
        _ if ["22", "23", "42"].iter().any(|class| state.starts_with(class)) => Verdict::SUCCESS,
        _ if ["08", "53", "57P"].iter().any(|class| state.starts_with(class)) => Verdict::FAILURE,
        _ => match error.kind() {
            ErrorKind::UniqueViolation
            | ErrorKind::ForeignKeyViolation
            | ErrorKind::NotNullViolation
            | ErrorKind::CheckViolation => Verdict::SUCCESS,
            _ => Verdict::FAILURE.not_again(),
        },
    }
}

/// As an error of input or output: "error communicating with database: …". [`Rejection::source_of`] finds the rejection in it.
///
/// ```
/// use resilience_runtime::Rejection;
/// use sqlx_core::error::Error;
///
/// let full = Rejection::BulkheadFull { name: "orders".into(), key: None };
/// let error = Error::from(full.clone());
/// assert_eq!(error.to_string(), "error communicating with database: bulkhead `orders` is full");
/// assert_eq!(Rejection::source_of(&error), Some(&full));
/// ```
impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Io(io::Error::from(rejection))
    }
}

impl HealthCheck {
    /// Whether a pool of `sqlx` 0.8 gives out a connection on which the database answers. It has two seconds, unless [`timeout`](Self::timeout) says otherwise; to wait for a connection
    /// is part of that, so a pool that is used up has failed, too.
    ///
    /// ```
    /// # use sqlx_core::{database::Database, pool::Pool};
    /// use resilience_runtime::{HealthCheck, HealthError, registry};
    ///
    /// fn watch<DB: Database>(pool: &Pool<DB>) -> Result<(), HealthError> {
    ///     registry().health_check(HealthCheck::sqlx("database", pool))
    /// }
    /// ```
    pub fn sqlx<DB: Database>(name: impl Into<Name>, pool: &Pool<DB>) -> Self {
        let pool = pool.clone();
        Self::new(name, CHECKED_WITHIN, move || {
            let connection = pool.acquire();
            async move { connection.await?.ping().await }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;
    use std::fmt;

    #[derive(Debug)]
    struct Answered(Option<&'static str>, fn() -> ErrorKind);

    impl fmt::Display for Answered {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no")
        }
    }

    impl std::error::Error for Answered {}

    impl DatabaseError for Answered {
        fn message(&self) -> &str {
            "no"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            self.0.map(Cow::Borrowed)
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            (self.1)()
        }
    }

    fn said(code: &'static str) -> Error {
        Error::Database(Box::new(Answered(Some(code), || ErrorKind::Other)))
    }

    const NOT_AGAIN: Verdict = Verdict::FAILURE.not_again();

    #[test]
    fn each_row_of_the_table() {
        let boxed = || Box::<dyn std::error::Error + Send + Sync>::from("no");
        let rows = [
            (Error::RowNotFound, Verdict::SUCCESS),
            (Error::Io(io::ErrorKind::NotFound.into()), Verdict::FAILURE),
            (Error::Tls(boxed()), Verdict::FAILURE),
            (Error::Protocol("no".into()), Verdict::FAILURE),
            (Error::PoolTimedOut, Verdict::FAILURE),
            (Error::PoolClosed, NOT_AGAIN),
            (Error::WorkerCrashed, NOT_AGAIN),
            (Error::Configuration(boxed()), NOT_AGAIN),
            (Error::Decode(boxed()), NOT_AGAIN),
            (Error::ColumnNotFound("a".into()), NOT_AGAIN),
        ];
        for (error, verdict) in rows {
            assert_eq!(sqlx_error(&error), verdict, "{error:?}");
            assert_eq!(sqlx(Err::<&u8, _>(&error)), verdict, "{error:?}");
        }
        assert_eq!(sqlx(Ok(&1)), Verdict::SUCCESS);
    }

    #[test]
    fn each_class_of_sqlstate() {
        let rows: [(&[&str], Verdict); 4] = [
            (&["22001", "22P02", "23505", "23P01", "42601", "42P01", "42501", "42S02"], Verdict::SUCCESS),
            (&["40001", "40P01"], Verdict::IGNORED.again()),
            (&["08000", "08006", "08S01", "53200", "53300", "57P01", "57P03"], Verdict::FAILURE),
            (&["57014", "40002", "25006", "XX000", "HY000", "00000"], NOT_AGAIN),
        ];
        for (codes, verdict) in rows {
            for code in codes {
                assert_eq!(sqlx_error(&said(code)), verdict, "{code}");
            }
        }
    }

    #[test]
    fn the_numbers_of_sqlite_are_no_sqlstate() {
        for number in ["5", "22", "23", "42", "2067", "4200", "4225"] {
            assert_eq!(sqlx_error(&said(number)), NOT_AGAIN, "{number}");
        }
        let kinds: [fn() -> ErrorKind; 4] = [
            || ErrorKind::UniqueViolation,
            || ErrorKind::ForeignKeyViolation,
            || ErrorKind::NotNullViolation,
            || ErrorKind::CheckViolation,
        ];
        for kind in kinds {
            assert_eq!(sqlx_error(&Error::Database(Box::new(Answered(Some("2067"), kind)))), Verdict::SUCCESS);
            assert_eq!(sqlx_error(&Error::Database(Box::new(Answered(None, kind)))), Verdict::SUCCESS);
        }
    }

    #[test]
    fn a_rejection_is_found_in_the_error_that_was_made_of_it() {
        let rejection = Rejection::Unsuccessful { name: "orders".into() };
        let error = Error::from(rejection.clone());
        assert!(matches!(error, Error::Io(_)));
        assert_eq!(Rejection::source_of(&error), Some(&rejection));
    }
}
