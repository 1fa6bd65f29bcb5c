//! One timeout for all attempts, and one for each; layers stand inside of both. The future is `Send`.

use std::{cell::Cell, future::pending, rc::Rc};

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, retry, timeout};

struct Disk {
    number: u8,
    reads: u32,
}

impl Disk {
    #[timeout("60ms", name = "total")]
    #[retry(attempts = 100, delay = "1ms", max_delay = "1ms", on_retry = |event| assert!(event.rejection.is_some()))]
    #[circuit_breaker(key = self.number, window = none, consecutive_failures = 1000)]
    #[timeout("10ms")]
    #[bulkhead(3)]
    #[fallback(Self::cached)]
    async fn read(&mut self, mut buffer: &mut [u8], name: String) -> Result<usize, Rejection> {
        self.reads += 1;
        buffer = &mut buffer[1..];
        if name.is_empty() {
            return pending().await;
        }
        buffer[0] = name.len() as u8;
        tokio::task::yield_now().await;
        Ok(self.reads as usize)
    }

    fn cached(&mut self, buffer: &mut [u8], name: String, error: Rejection) -> Result<usize, Rejection> {
        assert_eq!(error.name().as_str(), "total");
        Ok(buffer.len() + name.len())
    }

    /// Nothing is needed again, so the result may borrow.
    #[circuit_breaker]
    #[timeout("1s")]
    #[bulkhead(3)]
    async fn borrows(&mut self) -> Result<&mut u32, Rejection> {
        self.reads += 1;
        Ok(&mut self.reads)
    }
}

#[timeout("1s")]
#[retry]
#[fallback(|cell| Ok(cell))]
async fn not_send(cell: Rc<Cell<u8>>) -> Result<Rc<Cell<u8>>, Rejection> {
    cell.set(cell.get() + 1);
    Ok(cell)
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut disk = Disk { number: 1, reads: 0 };
    let mut buffer = [0, 0, 0];
    assert_eq!(assert_send(disk.read(&mut buffer, "abc".to_owned())).await.unwrap(), 1);
    assert_eq!(buffer, [0, 3, 0]);
    assert_eq!(disk.read(&mut buffer, String::new()).await.unwrap(), 3);
    assert!((2..10).contains(&disk.reads), "{}", disk.reads);
    *assert_send(disk.borrows()).await.unwrap() = 7;
    assert_eq!(disk.reads, 7);
    assert_eq!(not_send(Rc::default()).await.unwrap().get(), 1);
}
