//! Every key of `timeout`, and what is dropped.

use std::{cell::Cell, future::pending, time::Duration};

use resilience_runtime::{Rejection, timeout};

const AFTER: Duration = Duration::from_millis(2);

struct Dropped<'a>(&'a Cell<bool>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[timeout("2ms", name = "slow")]
async fn slow(dropped: &Cell<bool>) -> Result<(), Rejection> {
    let _held = Dropped(dropped);
    pending().await
}

#[timeout(after = AFTER)]
async fn by_constant() -> Result<(), Rejection> {
    pending().await
}

#[timeout(preset = database)]
async fn by_preset<'a>(text: &'a mut String) -> Result<&'a str, Rejection> {
    text.push('c');
    Ok(text)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dropped = Cell::new(false);
    let Err(Rejection::TimedOut { name, after }) = slow(&dropped).await else { panic!("it never returns") };
    assert_eq!((name.as_str(), after, dropped.get()), ("slow", AFTER, true));
    assert!(matches!(by_constant().await, Err(Rejection::TimedOut { .. })));
    assert_eq!(by_preset(&mut "ab".to_owned()).await.unwrap(), "abc");
}
