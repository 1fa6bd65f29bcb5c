//! tokio's timer, dropped out of line.
//!
//! Whatever drops a state that may hold a timer would otherwise have the timer's end inlined, and calls that never set one would pay for its stack frame.

use pin_project_lite::pin_project;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Sleep;

pin_project! {
    #[derive(Debug)]
    pub(crate) struct Alarm {
        #[pin]
        sleep: ManuallyDrop<Sleep>,
    }

    impl PinnedDrop for Alarm {
        fn drop(this: Pin<&mut Self>) {
            end(this.project().sleep);
        }
    }
}

#[cold]
#[inline(never)]
fn end(sleep: Pin<&mut ManuallyDrop<Sleep>>) {
    // SAFETY: called once, by whoever drops what has it; it stays where it is while it is dropped, and nobody has it after that.
    #[allow(unsafe_code)]
    unsafe {
        ManuallyDrop::drop(sleep.get_unchecked_mut());
    }
}

impl Alarm {
    pub(crate) fn after(duration: Duration) -> Self {
        Self { sleep: ManuallyDrop::new(tokio::time::sleep(duration)) }
    }

    pub(crate) fn sleep(self: Pin<&mut Self>) -> Pin<&mut Sleep> {
        // SAFETY: what is within is pinned as it is: it is moved nowhere, and dropped in its place.
        #[allow(unsafe_code)]
        unsafe {
            self.project().sleep.map_unchecked_mut(|sleep| &mut **sleep)
        }
    }
}
