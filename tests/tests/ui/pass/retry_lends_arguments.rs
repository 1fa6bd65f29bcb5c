//! Every kind of argument reaches every attempt: by value it is cloned for all but the last, `&mut` is reborrowed.

use std::{fmt::Display, future::ready, sync::Arc};

use resilience_runtime::{Failure, Rejection, fallback, retry};

struct Log<T> {
    lines: Vec<T>,
}

/// Counts how often it is cloned.
struct Counted<'a>(&'a std::cell::Cell<u32>);

impl Clone for Counted<'_> {
    fn clone(&self) -> Self {
        self.0.set(self.0.get() + 1);
        Self(self.0)
    }
}

impl<T: Display + Clone> Log<T> {
    #[retry(attempts = 3, delay = "0s")]
    async fn push<const N: usize>(
        &mut self,
        mut text: T,
        mut sent: &mut [bool],
        (a, mut b): (usize, usize),
        each: impl Fn(usize) -> usize + Clone,
        _: u8,
        mut name: &str,
        #[cfg(any())] absent: Absent,
        counted: Counted<'_>,
    ) -> Result<usize, Rejection> {
        fn length(this: &[impl Sized]) -> usize {
            this.len()
        }
        self.lines.push(text.clone());
        text = self.lines[0].clone();
        sent[a] = true;
        sent = &mut sent[1..];
        sent[0] = true;
        b += N;
        name = &name[1..];
        let attempts = length(&self.lines);
        if attempts < 3 {
            return Err(reject().await);
        }
        drop(counted);
        Ok(each(b) + name.len() + text.to_string().len())
    }
}

async fn reject() -> Rejection {
    #[resilience_runtime::rate_limit("1/h")]
    async fn once() -> Result<(), Rejection> {
        ready(Ok(())).await
    }
    let _ = once().await;
    let Rejection::RateLimited { name, .. } = once().await.unwrap_err() else { unreachable!() };
    Rejection::TimedOut { name, after: std::time::Duration::ZERO }
}

struct Peer(u8);

impl Peer {
    #[retry(attempts = 2, delay = "0s")]
    async fn shared(self: Arc<Self>, by: u8) -> Result<u8, Rejection> {
        Ok(self.0 + by)
    }

    #[retry(attempts = 2, delay = "0s")]
    #[fallback(Self::otherwise)]
    async fn pinned(self: &mut Self, text: String) -> Result<usize, Rejection> {
        self.0 += 1;
        let _ = text;
        Err(reject().await)
    }

    fn otherwise(&mut self, text: String, _: Failure<Rejection>) -> Result<usize, Rejection> {
        Ok(usize::from(self.0) + text.len())
    }
}

#[derive(Clone)]
struct Taken(u8);

impl Taken {
    #[retry]
    async fn once(mut self) -> Result<u8, Rejection> {
        self.0 += 1;
        Ok(self.0)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut log = Log { lines: Vec::new() };
    let (mut sent, clones) = ([false; 3], std::cell::Cell::new(0));
    let pushed = log.push::<3>("ab", &mut sent, (0, 4), |n| n * 10, 0, "xyz", Counted(&clones)).await;
    assert_eq!(pushed.unwrap(), 70 + 2 + 2);
    assert_eq!((log.lines.len(), sent, clones.get()), (3, [true, true, false], 2));
    assert_eq!(Arc::new(Peer(3)).shared(4).await.unwrap(), 7);
    assert_eq!(Peer(0).pinned("ab".to_owned()).await.unwrap(), 2 + 2);
    assert_eq!(Taken(1).once().await.unwrap(), 2);
}
