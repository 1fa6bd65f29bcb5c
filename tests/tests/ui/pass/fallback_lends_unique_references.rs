//! `&mut self` and `&mut` arguments are lent to the body, then to the fallback. Items in the body keep a `self` of
//! their own.

use resilience_runtime::{Rejection, circuit_breaker};

#[derive(Default)]
struct Log {
    lines: Vec<String>,
}

impl Log {
    #[circuit_breaker]
    #[fallback = Self::keep]
    async fn send(&mut self, text: String, mut sent: &mut [bool]) -> Result<usize, Rejection> {
        struct Line(usize);
        impl Line {
            fn length(self) -> usize {
                self.0
            }
        }
        trait Doubled {
            fn doubled(&self) -> usize;
        }
        impl Doubled for usize {
            fn doubled(&self) -> usize {
                *self * 2
            }
        }
        self.lines.push(format!("sending {} after {}", text, self.lines.len()));
        sent[0] = true;
        sent = &mut sent[1..];
        sent[0] = true;
        let keep_one = |log: &mut Self| log.lines.truncate(1);
        keep_one(self);
        if text.is_empty() {
            return Ok(Line(self.lines.len()).length().doubled());
        }
        Err(self::rejection().await)
    }

    fn keep(&mut self, text: String, sent: &mut [bool]) -> Result<usize, Rejection> {
        self.lines.push(text);
        Ok(sent.iter().filter(|sent| **sent).count())
    }
}

async fn rejection() -> Rejection {
    #[circuit_breaker("always open", window = none, consecutive_failures = 1)]
    async fn fails() -> Result<(), Rejection> {
        fails_inside().await
    }

    #[circuit_breaker("inside")]
    async fn fails_inside() -> Result<(), Rejection> {
        Ok(())
    }

    resilience_runtime::registry().circuit_breaker("always open").map(|_| ());
    fails().await.unwrap();
    resilience_runtime::registry().circuit_breaker("always open").unwrap().force_open();
    fails().await.unwrap_err()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut log = Log::default();
    assert_eq!(log.send(String::new(), &mut [false, false]).await.unwrap(), 2);
    assert_eq!(log.send("a".to_owned(), &mut [false, false, false]).await.unwrap(), 2);
    assert_eq!(log.lines, ["sending  after 0", "a"]);
}
