//! `{self}` in a string, where the body has a `self` of its own.

use std::fmt::Write as _;

use resilience_runtime::{Rejection, circuit_breaker, fallback, retry};

macro_rules! of_its_own {
    ($text:literal) => {
        format!($text)
    };
}

#[derive(Clone, Debug)]
struct Log(String);

impl Log {
    #[retry]
    #[circuit_breaker(key = format_args!("{self:?}"))]
    async fn write(&mut self, line: &str) -> Result<String, Rejection> {
        let before = format!("{self:?} {{self}} {line} {}", self.0.len());
        self.0.write_str(line).unwrap();
        assert!(self.0.len() > 1, "{self:?}",);
        Ok(format!(r"{before}\{self:?}"))
    }

    #[retry]
    async fn seen(&mut self) -> Result<String, Rejection> {
        self.0.push('d');
        Ok(of_its_own!("{self:?}"))
    }

    #[retry]
    #[fallback(|_| Ok(String::new()))]
    async fn moved(&mut self) -> Result<String, Rejection> {
        use std::fmt::{self, Write as _};
        let this = self;
        let done: fmt::Result = write!(this.0, "{}", async move { 7 }.await);
        Ok(format!("{done:?}"))
    }

    #[retry]
    fn taken(self) -> Result<String, Rejection> {
        Ok(std::format!("{self:?}"))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut log = Log("a".to_owned());
    assert_eq!(log.write("bc").await.unwrap(), "Log(\"a\") {self} bc 1\\Log(\"abc\")");
    assert_eq!(log.moved().await.unwrap(), "Ok(())");
    assert_eq!(log.seen().await.unwrap(), "Log(\"abc7d\")");
    assert_eq!(log.taken().unwrap(), "Log(\"abc7d\")");
}
