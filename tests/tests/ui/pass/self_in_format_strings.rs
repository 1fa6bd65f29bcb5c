//! `{self}` in a string, where the body has a `self` of its own.

use std::fmt::Write as _;

use resilience_runtime::{Rejection, circuit_breaker, retry};

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
    fn taken(self) -> Result<String, Rejection> {
        Ok(std::format!("{self:?}"))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut log = Log("a".to_owned());
    assert_eq!(log.write("bc").await.unwrap(), "Log(\"a\") {self} bc 1\\Log(\"abc\")");
    assert_eq!(log.taken().unwrap(), "Log(\"abc\")");
}
