//! What waits for one reader: a ring of slots that senders write without waiting for anybody.
//!
//! A sender takes the next number and puts its event into that number's slot, over whatever was there. The reader knows the number that it wants
//! next: the slot has it, or an older one (it is not there yet), or a newer one (the reader was lapped, and has lost all up to the oldest that can still be
//! there). So the numbers that are read and the numbers that are lost are all the numbers there are.
//!
//! A sender that was held up between its number and its slot must not hide the event of a later lap: who finds that it has put an older event over a newer one
//! puts the newer one back. Meanwhile the reader sees an older one than it wants, and waits; it is woken after the newer one is back.
//!
//! # Orderings
//!
//! A slot is exchanged as a whole and carries its number, so a slot by itself cannot be misread. The reader announces its waker **before** it looks a last time, and a
//! sender fills the slot **before** it takes the waker; `AtomicWaker` makes of that: the reader has seen the event, or it is woken.

use super::{Event, EventFilter};
use crate::caught::caught;
use crate::sync::{ArcSwapOption, AtomicEpoch, AtomicSetting, AtomicWaker};
use crate::time::Timestamp;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// How many events wait for a reader before the oldest is lost to it.
pub const EVENT_CAPACITY: usize = 1024;

/// Slots of a ring; fewer in models.
const SLOTS: usize = if cfg!(resilience_loom) { 2 } else { EVENT_CAPACITY };

struct Sent {
    number: u64,
    event: Event,
}

/// One reader, as the senders know it.
pub(super) struct Reader {
    pub(super) filter: EventFilter,
    slots: Box<[ArcSwapOption<Sent>]>,
    /// The number of the newest event; the first is 1.
    newest: AtomicEpoch,
    waker: AtomicWaker,
    /// 1 once nobody can send any more: published by the waker, as the slots are.
    closed: AtomicSetting,
}

impl Reader {
    pub(super) fn new(filter: EventFilter) -> Self {
        Self {
            filter,
            slots: (0..SLOTS).map(|_| ArcSwapOption::empty()).collect(),
            newest: AtomicEpoch::new(),
            waker: AtomicWaker::new(),
            closed: AtomicSetting::new(0),
        }
    }

    fn slot(&self, number: u64) -> &ArcSwapOption<Sent> {
        &self.slots[(number % SLOTS as u64) as usize]
    }

    /// Gives it its place and wakes nobody.
    pub(super) fn put(&self, event: Event) {
        self.put_as(self.newest.raise(), event);
    }

    fn put_as(&self, number: u64, event: Event) {
        let mut sent = Arc::new(Sent { number, event });
        let slot = self.slot(sent.number);
        loop {
            let number = sent.number;
            match slot.swap(Some(sent)) {
                Some(newer) if newer.number > number => sent = newer,
                _ => return,
            }
        }
    }

    pub(super) fn close(&self) {
        self.closed.set(1);
        self.wake();
    }

    /// The waker is the user's, and whoever sends makes a call: one that panics harms no call.
    pub(super) fn wake(&self) {
        caught(|| self.waker.wake());
    }
}

/// The events from now on, for one reader.
///
/// At most [`EVENT_CAPACITY`] of them wait; a reader that is slower loses the oldest and is told how many by [`Event::Missed`]. The changes of a policy
/// come in the order in which they happened, and so does all that happens on one thread; see [`Order`](super::Order).
///
/// Whoever sends an event runs the waker of the task that waits for it, if one does: once for each time that it waits. One that panics harms no call.
#[derive(Debug)]
pub struct Events {
    reader: Arc<Reader>,
    bus: Weak<super::Bus>,
    /// The number that is read next.
    next: u64,
}

impl Events {
    pub(super) fn new(reader: Arc<Reader>, bus: Weak<super::Bus>) -> Self {
        Self { reader, bus, next: 1 }
    }

    pub(super) fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader)
    }

    pub(super) fn bus(&self) -> Weak<super::Bus> {
        Weak::clone(&self.bus)
    }

    /// The next event; `None` once nobody can send any more, which for the global registry is never. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    /// The next event, for a thread that is no part of a runtime: it sleeps until there is one.
    pub fn blocking_recv(&mut self) -> Option<Event> {
        struct Sleeper(std::thread::Thread);

        impl Wake for Sleeper {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        let waker = Waker::from(Arc::new(Sleeper(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match self.poll_recv(&mut context) {
                Poll::Ready(event) => return event,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    /// The next event if there is one already.
    pub fn try_recv(&mut self) -> Option<Event> {
        let sent = self.reader.slot(self.next).load();
        let number = sent.as_ref().map_or(0, |sent| sent.number);
        if number < self.next {
            return None;
        }
        if number == self.next {
            self.next += 1;
            return sent.as_ref().map(|sent| sent.event.clone());
        }
        // Whatever can still be there is among the newest.
        let oldest = self.reader.newest.get() + 1 - SLOTS as u64;
        let events = oldest - self.next;
        self.next = oldest;
        Some(Event::Missed { events, at: Timestamp::now() })
    }

    fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(event) = self.try_recv() {
            return Poll::Ready(Some(event));
        }
        self.reader.waker.register(context.waker());
        // Asked first: what was sent before the end is still there.
        let closed = self.reader.closed.get() == 1;
        match self.try_recv() {
            None if !closed => Poll::Pending,
            event => Poll::Ready(event),
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if let Some(bus) = self.bus.upgrade() {
            bus.leave(&self.reader);
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("filter", &self.filter).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::event::Bus;

    const CAPACITY: u64 = EVENT_CAPACITY as u64;

    fn subscribed() -> (Arc<Reader>, Events) {
        let reader = Arc::new(Reader::new(EventFilter::default()));
        (Arc::clone(&reader), Events::new(reader, Weak::new()))
    }

    /// Any event will do; its number says which.
    fn event(number: u64) -> Event {
        Event::Missed { events: 0, at: Timestamp::from_millis(number) }
    }

    fn next(events: &mut Events) -> Option<u64> {
        events.try_recv().map(|event| match event {
            Event::Missed { events: 0, at } => at.as_millis(),
            Event::Missed { events, .. } => 1_000_000 + events,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_sender_that_was_held_up_keeps_its_place_and_the_reader_waits_for_it() {
        let (reader, mut events) = subscribed();
        let held_up = reader.newest.raise();
        reader.put(event(2));
        assert_eq!(next(&mut events), None);
        reader.put_as(held_up, event(1));
        assert_eq!([next(&mut events), next(&mut events), next(&mut events)], [Some(1), Some(2), None]);
    }

    #[test]
    fn a_sender_that_was_held_up_for_a_lap_hides_nothing_and_is_counted() {
        let (reader, mut events) = subscribed();
        let held_up = reader.newest.raise();
        (2..=CAPACITY + 1).for_each(|number| reader.put(event(number)));
        // Over the newest of all, which comes back.
        reader.put_as(held_up, event(1));
        assert_eq!(next(&mut events), Some(1_000_001), "one is lost");
        let read: Vec<_> = std::iter::from_fn(|| next(&mut events)).collect();
        assert!(read.iter().copied().eq(2..=CAPACITY + 1), "{read:?}");
    }

    #[test]
    fn a_reader_that_is_lapped_again_and_again_misses_what_it_does_not_get() {
        let (reader, mut events) = subscribed();
        let (mut sent, mut got, mut missed) = (0, 0, 0);
        for lap in 0..50 {
            for _ in 0..CAPACITY * lap / 10 {
                sent += 1;
                reader.put(event(sent));
            }
            for _ in 0..lap * 7 {
                match next(&mut events) {
                    Some(lost @ 1_000_000..) => missed += lost - 1_000_000,
                    Some(number) => {
                        got += 1;
                        assert_eq!(number, got + missed);
                    }
                    None => break,
                }
            }
        }
        while let Some(number) = next(&mut events) {
            if number >= 1_000_000 { missed += number - 1_000_000 } else { got += 1 }
        }
        assert_eq!(got + missed, sent);
    }

    #[test]
    fn a_waker_that_panics_harms_neither_the_sender_nor_another_reader() {
        struct Panics;

        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("on purpose");
            }
        }

        let bus = Arc::new(Bus::default());
        let (mut one, mut other) = (bus.subscribe(EventFilter::default()), bus.subscribe(EventFilter::default()));
        let filter = EventFilter::of([super::super::Topic::Missed]);
        let mut third = bus.subscribe(filter);
        let waker = Waker::from(Arc::new(Panics));
        assert!(one.poll_recv(&mut Context::from_waker(&waker)).is_pending());
        bus.emit(super::super::Topic::Missed, || event(7));
        assert_eq!([next(&mut one), next(&mut other), next(&mut third)], [Some(7); 3]);
    }

    #[test]
    fn whoever_waits_hears_of_the_end() {
        let bus = Arc::new(Bus::default());
        let mut events = bus.subscribe(EventFilter::default());
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || (events.blocking_recv(), events.blocking_recv()));
            bus.emit(super::super::Topic::Missed, || event(7));
            drop(bus);
            assert_eq!(reader.join().unwrap(), (Some(event(7)), None));
        });
    }
}
