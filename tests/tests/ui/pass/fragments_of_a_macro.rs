//! What a `macro_rules!` puts in by `$type`, `$expression` and their likes is in groups that cannot be seen.
#![deny(warnings)]

use std::sync::Arc;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit, retry, timeout};

macro_rules! guarded {
    (
        $vis:vis $name:ident($argument:ident: $type:ty, $pattern:pat) -> $result:ty $body:block
        $attempts:expr, $after:expr, $rate:literal, $shared:literal, $predicate:path, $hook:expr, $key:expr, $mode:ident, $jitter:expr,
        $rejections:expr, $answer:path
    ) => {
        #[retry(attempts = $attempts, retry_if = $predicate, jitter = $jitter, retry_rejections = $rejections)]
        #[circuit_breaker($shared, window = $attempts, ignore_if = $hook, key = $key, mode = $mode)]
        #[rate_limit($rate)]
        #[bulkhead($attempts)]
        #[timeout($after)]
        #[fallback = $answer]
        $vis async fn $name($argument: $type, $pattern: (u8, u8)) -> $result $body
    };
}

fn always(_: &Rejection) -> bool {
    true
}

fn otherwise(sum: &mut u8, (a, _): (u8, u8)) -> Result<u8, Rejection> {
    *sum += a;
    Ok(100)
}

guarded! {
    pub(crate) add(sum: &mut u8, (a, b)) -> Result<u8, Rejection> {
        *sum += a + b;
        if a == 0 { Err(Rejection::BulkheadFull { name: "full".into(), key: None }) } else { Ok(*sum) }
    }
    2, "1s", "100/s", "shared", always, |_| false, b, enforce, none, [timed_out], otherwise
}

struct Counter(u8);

macro_rules! methods {
    ($($name:ident($self:ident: $receiver:ty) $body:expr;)*) => {
        impl Counter {
            $(
                #[retry(attempts = 2, delay = "0s")]
                #[circuit_breaker]
                async fn $name($self: $receiver) -> Result<u8, Rejection> {
                    tokio::task::yield_now().await;
                    $body
                }
            )*
        }
    };
}

methods! {
    shared(self: &Self) Ok(self.0);
    unique(self: &mut Self) { self.0 += 1; Ok(self.0) };
    counted(self: Arc<Self>) Ok(self.0);
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let mut sum = 1;
    assert_eq!(add(&mut sum, (1, 2)).await.unwrap(), 4);
    assert_eq!(add(&mut sum, (0, 1)).await.unwrap(), 100);
    assert_eq!(sum, 6);
    let mut counter = Counter(3);
    assert_eq!(counter.unique().await.unwrap(), 4);
    assert_eq!(counter.shared().await.unwrap(), 4);
    assert_eq!(Arc::new(counter).counted().await.unwrap(), 4);
}
