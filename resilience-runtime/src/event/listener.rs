//! A listener and the thread that it runs on, until somebody ends it.

use super::queue::{Events, Reader};
use super::{Bus, Event, complain};
use crate::caught::caught;
use crate::sync::Flag;
use std::sync::{Arc, Weak};

/// Ends what [`Registry::on_event`](crate::Registry::on_event) has begun.
///
/// As with tokio's `AbortHandle`, dropping it ends nothing: the listener listens for as long as its registry is there, which for the global one is until
/// the process ends.
///
/// # Examples
///
/// ```
/// use resilience_runtime::registry;
///
/// let listener = registry().on_event(|event| println!("{event}"));
/// listener.stop();
/// assert!(listener.is_stopped());
/// ```
#[derive(Clone, Debug)]
pub struct Listener {
    reader: Arc<Reader>,
    bus: Weak<Bus>,
    stopped: Arc<Flag>,
}

impl Listener {
    /// Ends the listening: no event is handed to the listener after the one that it may be at, its thread ends, and what it has captured is dropped. Does not
    /// wait for any of that, so that a listener may stop itself. Stopping it again does nothing.
    pub fn stop(&self) {
        self.stopped.raise();
        if let Some(bus) = self.bus.upgrade() {
            bus.leave(&self.reader);
        }
        self.reader.close();
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_raised()
    }
}

/// Calls the listener with each event, on a thread of its own.
pub(super) fn listen(mut events: Events, mut listener: impl FnMut(&Event) + Send + 'static) -> Listener {
    let handle = Listener { reader: events.reader(), bus: events.bus(), stopped: Arc::new(Flag::new()) };
    let stopped = Arc::clone(&handle.stopped);
    let run = move || {
        while let Some(event) = events.blocking_recv().filter(|_| !stopped.is_raised()) {
            // One that panics has lost this event and gets the next one.
            caught(|| listener(&event));
        }
    };
    if let Err(error) = std::thread::Builder::new().name("resilience-events".into()).spawn(run) {
        complain(format_args!("no thread for a listener, it will hear nothing: {error}"));
    }
    handle
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::event::{EventFilter, Topic};
    use crate::time::Timestamp;
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    /// What it is told, until it and all that it has captured are dropped.
    fn listening(bus: &Arc<Bus>) -> (Listener, Receiver<Event>) {
        let (told, hears) = channel();
        let hear = move |event: &Event| {
            assert_eq!(std::thread::current().name(), Some("resilience-events"));
            told.send(event.clone()).unwrap();
        };
        (bus.on_event(EventFilter::default(), hear), hears)
    }

    fn event() -> Event {
        Event::Missed { events: 1, at: Timestamp::from_millis(7) }
    }

    #[test]
    fn a_listener_that_is_stopped_hears_no_more_and_its_thread_ends() {
        let bus = Arc::new(Bus::default());
        let (listener, hears) = listening(&bus);
        bus.emit(Topic::Missed, event);
        assert_eq!(hears.recv_timeout(LONG), Ok(event()));
        assert!(!listener.is_stopped());
        listener.stop();
        bus.emit(Topic::Missed, event);
        assert_eq!(hears.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected), "the listener is dropped");
        assert!(listener.is_stopped() && !bus.is_read(Topic::Missed));
        listener.stop();
    }

    #[test]
    fn what_waits_for_a_listener_when_it_is_stopped_is_not_heard() {
        let bus = Arc::new(Bus::default());
        let (told, hears) = channel();
        let (go_on, goes_on) = channel();
        let listener = bus.on_event(EventFilter::default(), move |event| {
            told.send(event.clone()).unwrap();
            goes_on.recv().unwrap();
        });
        (0..2).for_each(|_| bus.emit(Topic::Missed, event));
        assert_eq!(hears.recv_timeout(LONG), Ok(event()));
        listener.stop();
        assert!(!bus.is_read(Topic::Missed), "nothing more waits for it, however long it takes");
        (0..2).for_each(|_| _ = go_on.send(()));
        assert_eq!(hears.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_handle_that_is_dropped_ends_nothing_and_the_end_of_the_registry_does() {
        let bus = Arc::new(Bus::default());
        let (listener, hears) = listening(&bus);
        drop(listener);
        bus.emit(Topic::Missed, event);
        assert_eq!(hears.recv_timeout(LONG), Ok(event()));
        drop(bus);
        assert_eq!(hears.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
    }
}
