//! Whether a thread that is about to sleep is polling a task of tokio.
//!
//! tokio gives each poll of a task, and of a `block_on`, a budget of operations, and none to a thread of `spawn_blocking`, in `block_in_place` or outside of its runtimes. Its
//! semaphore takes one from the budget whenever it is asked, and is not ready where nothing is left. So whoever asks often enough knows. All that it costs a task is that it
//! yields at its next operation.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use tokio::sync::Semaphore;

/// More than tokio's budget, which is 128.
const MORE_THAN_A_BUDGET: u32 = 256;

pub(super) fn polls_a_task() -> bool {
    let (semaphore, mut nobody) = (Semaphore::const_new(1), Context::from_waker(Waker::noop()));
    (0..MORE_THAN_A_BUDGET).any(|_| pin!(semaphore.acquire()).poll(&mut nobody).is_pending())
}
