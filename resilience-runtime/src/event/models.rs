//! Every interleaving and every stale read that the memory model allows, of what a reader and those who send to it do (loom). A queue has two slots here.
//!
//! Each model says what goes wrong without the thing that it protects.

use super::queue::{Events, Reader};
use super::{Bus, Event, EventFilter};
use crate::sync::model;
use crate::time::Timestamp;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// Any event will do; its number says which.
fn event(number: u64) -> Event {
    Event::Missed { events: 0, at: Timestamp::from_millis(number) }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A task that reads, and all that it got.
struct Task {
    events: Events,
    read: Vec<u64>,
    missed: u64,
    /// It was told that there is nothing more.
    ended: bool,
}

impl Task {
    fn new(events: Events) -> Self {
        Self { events, read: Vec::new(), missed: 0, ended: false }
    }

    /// What woke it if it waits now; `None` if it got something, or heard of the end.
    fn poll(&mut self) -> Option<Arc<Woken>> {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let polled = pin!(self.events.recv()).poll(&mut Context::from_waker(&waker));
        assert!(!self.ended || polled == Poll::Ready(None), "{polled:?} after the end");
        match polled {
            Poll::Pending => return Some(woken),
            Poll::Ready(Some(Event::Missed { events: 0, at })) => self.read.push(at.as_millis()),
            Poll::Ready(Some(Event::Missed { events, .. })) => self.missed += events,
            Poll::Ready(Some(other)) => unreachable!("{other:?} was not sent"),
            Poll::Ready(None) => self.ended = true,
        }
        None
    }

    /// Nobody sends any more: whoever waits has been woken, or there is nothing to be told of.
    fn read_all(&mut self, waiting: Option<Arc<Woken>>) {
        let told = |task: &Self| task.read.len() as u64 + task.missed;
        let before = told(self);
        while self.poll().is_none() {}
        if let Some(woken) = waiting {
            assert!(woken.0.load(Ordering::Relaxed) || told(self) == before, "it sleeps beside what was sent");
        }
    }
}

/// Were the newer event not put back by whoever put an older one over it, the reader would wait for it for good. Were the waker announced after the last look, the
/// reader would sleep beside an event; were it taken before the slot is filled, too.
#[test]
fn two_who_send_race_a_slow_reader() {
    model(|| {
        let reader = Arc::new(Reader::new(EventFilter::default()));
        let mut task = Task::new(Events::new(Arc::clone(&reader), Weak::new()));
        let send = |reader: &Reader, number| {
            reader.put(event(number));
            reader.wake();
        };
        let other = {
            let reader = Arc::clone(&reader);
            thread::spawn(move || send(&reader, 10))
        };
        let lapping = thread::spawn(move || [20, 21].iter().for_each(|number| send(&reader, *number)));
        let waiting = task.poll();
        other.join().unwrap();
        lapping.join().unwrap();
        task.read_all(waiting);
        assert_eq!(task.read.len() as u64 + task.missed, 3, "{:?} and {} missed", task.read, task.missed);
        task.read.retain(|number| *number != 10);
        assert!(task.read.len() < 3 && task.read.is_sorted(), "each once, and of one thread in order: {:?}", task.read);
    });
}

/// Were it asked whether this is the end after the last look at the queue, what was sent in between would be lost.
#[test]
fn the_end_races_a_reader() {
    model(|| {
        let bus = Arc::new(Bus::default());
        let mut task = Task::new(bus.subscribe(EventFilter::default()));
        let sender = thread::spawn(move || bus.send(&event(1)));
        let waiting = task.poll();
        sender.join().unwrap();
        if let Some(woken) = waiting {
            assert!(woken.0.load(Ordering::Relaxed), "it has heard neither of the event nor of the end");
        }
        while !task.ended {
            assert!(task.poll().is_none(), "it waits for nobody");
        }
        assert_eq!((task.read, task.missed), (vec![1], 0));
    });
}

/// Were readers held by their place in the list, one who leaves while an event is handed out would take it from the next one.
#[test]
fn a_reader_who_leaves_races_one_who_sends() {
    model(|| {
        let bus = Arc::new(Bus::default());
        let [leaving, staying] = [(); 2].map(|()| bus.subscribe(EventFilter::default()));
        let mut task = Task::new(staying);
        let waiting = task.poll();
        let leaver = thread::spawn(move || {
            let mut leaver = Task::new(leaving);
            while leaver.poll().is_none() {}
        });
        [1, 2].iter().for_each(|number| bus.send(&event(*number)));
        leaver.join().unwrap();
        assert!(waiting.is_some_and(|woken| woken.0.load(Ordering::Relaxed)));
        task.read_all(None);
        assert_eq!((task.read, task.missed), (vec![1, 2], 0));
    });
}
