//! What waits until a service is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use crate::shop::{Order, ShopError};

/// Orders that wait for a payment to be taken or a mail to be sent. A shop would keep them in its database.
#[derive(Debug)]
pub(crate) struct Queue {
    sender: mpsc::UnboundedSender<Order>,
    receiver: Mutex<mpsc::UnboundedReceiver<Order>>,
    queued: AtomicU64,
    drained: AtomicU64,
}

/// How long to leave a service alone that failed, where its breaker does not say.
const PAUSE: Duration = Duration::from_millis(200);

impl Queue {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: Mutex::new(receiver), queued: AtomicU64::new(0), drained: AtomicU64::new(0) }
    }

    pub(crate) fn push(&self, order: Order) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        // The receiver lives as long as `self`.
        let _ = self.sender.send(order);
    }

    pub(crate) fn queued(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    pub(crate) fn drained(&self) -> u64 {
        self.drained.load(Ordering::Relaxed)
    }

    pub(crate) fn waiting(&self) -> u64 {
        // In this order, so that one that is queued and drained in between is not counted on one side alone.
        let drained = self.drained();
        self.queued() - drained
    }

    /// Sends what waits, oldest first, each until it succeeds. A rejection says when it is worth asking again.
    pub(crate) async fn drain<F>(&self, send: impl Fn(Arc<Order>) -> F)
    where
        F: Future<Output = Result<(), ShopError>>,
    {
        while let Some(order) = self.next().await {
            let order = Arc::new(order);
            while let Err(error) = send(Arc::clone(&order)).await {
                tokio::time::sleep(error.retry_after().unwrap_or(PAUSE)).await;
            }
            self.drained.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn next(&self) -> Option<Order> {
        self.receiver.lock().await.recv().await
    }
}
