//! tokio's timer, whose end is out of the way of those who have never set it.
//!
//! What drops a state that may have a timer asks which state it is, and has the end of a timer within itself; the compiler gives all of that a frame, which a call that never waits pays for.

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
