//! What has happened, with ids: the last 4,096 events, of those that happen now and then one by one, and of those that may come with every call as sums.

use crate::locked::locked;
use resilience_runtime::{Event, EventFilter, Events, Kind, Name, Pattern, Registry, Topic};
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

/// How many events are kept.
pub(crate) const KEPT: usize = 4096;

/// What somebody is told in place of what is wrong with a configuration, which may hold a secret.
pub(crate) const NOT_TOLD: &str = "what is wrong with it is told to whoever has the token";

/// What is subscribed to. Nobody who makes a call pays for these: whatever may come with a call is told from what is counted.
const RARE: [Topic; 6] =
    [Topic::Transition, Topic::Steered, Topic::Reconfigured, Topic::Conflict, Topic::Trap, Topic::ConfigRefused];

/// An event in the journal.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) event: Event,
    /// As JSON; for whoever is served what failures have said, and for whoever is not. Made once, so that the wall clock's time is that of the writing.
    whole: Arc<str>,
    public: Arc<str>,
}

/// The events so far.
#[derive(Debug)]
pub(crate) struct Journal {
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    events: Events,
    kept: VecDeque<Arc<Entry>>,
    /// The last id; the first is 1.
    last: u64,
    /// Of each policy the number of the last change that was there at the beginning: up to it they may come a second time, as news.
    begun_with: HashMap<(Kind, Name), u64>,
}

/// Which events somebody wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// All of them, where there is none.
    pub(crate) topics: Vec<Topic>,
    pub(crate) name: Option<Pattern>,
}

/// Some of the events, oldest first.
#[derive(Debug)]
pub(crate) struct Page {
    /// The ids that are kept; 1 and 0 where there are none.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// How many of those that were asked for are kept no more.
    pub(crate) missed: u64,
    pub(crate) entries: Vec<Arc<Entry>>,
    /// The last id that was looked at.
    pub(crate) reached: u64,
}

impl Entry {
    fn new(id: u64, event: Event) -> Self {
        let whole: Arc<str> = text(event_json(Some(id), &event)).into();
        let public = match &event {
            Event::ConfigRefused { source, at, .. } => {
                let (source, error) = (source.clone(), NOT_TOLD.to_owned());
                text(event_json(Some(id), &Event::ConfigRefused { source, error, at: *at })).into()
            }
            event if event.cause().is_some() => text(event_json(Some(id), &event.clone().without_cause())).into(),
            _ => Arc::clone(&whole),
        };
        Self { id, event, whole, public }
    }

    pub(crate) fn json(&self, is_trusted: bool) -> &Arc<str> {
        if is_trusted { &self.whole } else { &self.public }
    }
}

fn text(object: Map<String, Value>) -> String {
    Value::Object(object).to_string()
}

/// An event as everybody is told it: the runtime's own form, with its kind and the line that it is printed as.
pub(crate) fn event_json(id: Option<u64>, event: &Event) -> Map<String, Value> {
    let mut object = crate::policies::object(serde_json::to_value(event));
    if let Some(id) = id {
        object.insert("id".to_owned(), id.into());
    }
    object.insert("kind".to_owned(), event.kind().map(Kind::as_str).into());
    object.insert("text".to_owned(), event.to_string().into());
    object
}

impl Wanted {
    pub(crate) fn is(&self, event: &Event) -> bool {
        let is_named = |pattern: &Pattern| {
            event.name().is_some_and(|name| {
                let of_key = || event.key().is_some_and(|key| pattern.matches(&format!("{name}[{key}]")));
                pattern.matches(name) || of_key()
            })
        };
        // A sum of rejections is about rejections, too.
        let is_about = |wanted: &Topic| {
            *wanted == event.topic() || matches!(event, Event::Repeated { topic, .. } if topic == wanted)
        };
        (self.topics.is_empty() || self.topics.iter().any(is_about)) && self.name.as_ref().is_none_or(is_named)
    }
}

impl Journal {
    /// Begins with what the registry remembers of every policy.
    pub(crate) fn new(registry: &Registry) -> Self {
        // First, so that nothing is passed over.
        let events = registry.subscribe_with(EventFilter::of(RARE));
        let snapshot = registry.read();
        let policies = crate::policies::of(&snapshot);
        let mut recent: Vec<Event> =
            policies.flat_map(|policy| registry.recent_events(policy.kind(), policy.name())).collect();
        recent.sort_by_key(Event::at);
        let mut begun_with = HashMap::new();
        for event in &recent {
            if let (Some(kind), Some(name), Some(order)) = (event.kind(), event.name(), event.order()) {
                begun_with.insert((kind, name.clone()), order.sequence);
            }
        }
        let mut written = Written { events, kept: VecDeque::new(), last: 0, begun_with };
        let skipped = recent.len().saturating_sub(KEPT);
        recent.into_iter().skip(skipped).for_each(|event| written.write(event));
        Self { written: Mutex::new(written) }
    }

    /// Writes down what was told since, and then all of these.
    pub(crate) fn catch_up(&self, and: impl IntoIterator<Item = Event>) {
        let mut written = self.written();
        written.catch_up();
        and.into_iter().for_each(|event| written.write(event));
    }

    /// Likewise; whoever waits is woken when there is more. `false`: there will never be more.
    pub(crate) fn catch_up_and_wait(&self, context: &mut Context<'_>) -> bool {
        let mut written = self.written();
        loop {
            let next = pin!(written.events.recv()).poll(context);
            match next {
                Poll::Ready(Some(event)) => written.news(event),
                Poll::Ready(None) => return false,
                Poll::Pending => return true,
            }
        }
    }

    /// Those after that id which are wanted, at most so many; the newest ones where no id is given.
    pub(crate) fn page(&self, after: Option<u64>, wanted: &Wanted, at_most: usize) -> Page {
        let mut written = self.written();
        written.catch_up();
        let last = written.last;
        let first = written.first();
        // An id that was never given is one of an earlier run of the program: there everything is new.
        let from = after.map_or(first, |after| if after > last { first } else { after + 1 });
        let kept = written
            .kept
            .range(usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX).min(written.kept.len())..);
        let matching = kept.filter(|entry| wanted.is(&entry.event));
        let entries: Vec<_> = if after.is_some() {
            matching.take(at_most).cloned().collect()
        } else {
            let mut newest: Vec<_> = matching.rev().take(at_most).cloned().collect();
            newest.reverse();
            newest
        };
        let reached = if entries.len() < at_most { last } else { entries.last().map_or(last, |entry| entry.id) };
        Page { first, last, missed: first.saturating_sub(from), entries, reached }
    }

    /// The ids that are kept, from the first to the last; 1 and 0 where there are none.
    pub(crate) fn ids(&self) -> (u64, u64) {
        let mut written = self.written();
        written.catch_up();
        (written.first(), written.last)
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        locked(&self.written)
    }
}

impl Written {
    fn first(&self) -> u64 {
        self.last + 1 - self.kept.len() as u64
    }

    fn catch_up(&mut self) {
        while let Some(event) = self.events.try_recv() {
            self.news(event);
        }
    }

    fn news(&mut self, event: Event) {
        if let (Some(kind), Some(name), Some(order)) = (event.kind(), event.name(), event.order())
            && self.begun_with.get(&(kind, name.clone())).is_some_and(|known| order.sequence <= *known)
        {
            return;
        }
        self.write(event);
    }

    fn write(&mut self, event: Event) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.last += 1;
        self.kept.push_back(Arc::new(Entry::new(self.last, event)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::CircuitBreaker;
    use resilience_runtime::testing::Scope;

    /// Every event of one breaker and of one of its keys.
    fn told() -> Vec<Event> {
        let scope = Scope::new();
        let mut told = scope.registry().subscribe();
        let breaker = {
            let _entered = scope.enter();
            CircuitBreaker::builder("stock").register().unwrap()
        };
        breaker.keyed("acme").try_acquire().unwrap().success();
        breaker.force_open();
        scope.registry().steer("stock").keys("acme").force_open().unwrap();
        std::iter::from_fn(|| told.try_recv()).collect()
    }

    #[test]
    fn an_event_is_wanted_by_its_topic_and_by_the_name_of_its_policy_or_of_its_key() {
        let events = told();
        assert!(events.iter().any(|event| event.key().is_some()) && events.iter().any(|event| event.key().is_none()));
        let pattern = |text: &str| Some(text.parse::<Pattern>().unwrap());
        for event in &events {
            let of_key = event.key().is_some();
            let is = |topics: &[Topic], name| Wanted { topics: topics.to_vec(), name }.is(event);
            assert!(is(&[], None) && is(&[event.topic()], None) && is(&[Topic::Conflict, event.topic()], None));
            assert!(!is(&[Topic::Conflict], None) && !is(&[Topic::Conflict], pattern("stock")));
            assert!(is(&[], pattern("stock")) && is(&[event.topic()], pattern("st*")));
            assert!(!is(&[], pattern("stoc")) && !is(&[event.topic()], pattern("payment")));
            assert_eq!(is(&[], pattern("stock[acme]")), of_key, "{event}");
            assert_eq!(is(&[], pattern("*[acme]")), of_key, "{event}");
            assert!(!is(&[], pattern("stock[other]")));
        }
    }

    #[test]
    fn what_is_about_no_policy_is_not_wanted_by_a_name() {
        let scope = Scope::new();
        let _entered = scope.enter();
        let mut told = scope.registry().subscribe();
        let breaker = CircuitBreaker::builder("stock").register().unwrap();
        // More than wait for a reader.
        (0..5000).for_each(|_| breaker.force_open());
        let missed = std::iter::from_fn(|| told.try_recv()).find(|event| event.name().is_none()).unwrap();
        assert!(Wanted { topics: Vec::new(), name: None }.is(&missed));
        assert!(!Wanted { topics: Vec::new(), name: Some("*".parse().unwrap()) }.is(&missed));
    }

    /// By its ids alone: which of them a question is answered with.
    #[test]
    fn a_page_goes_on_after_an_id_or_has_the_newest() {
        let scope = Scope::new();
        let breaker = {
            let _entered = scope.enter();
            CircuitBreaker::builder("one").register().unwrap()
        };
        let journal = Journal::new(&scope.registry());
        (0..10).for_each(|_| [CircuitBreaker::force_open, CircuitBreaker::reset].iter().for_each(|act| act(&breaker)));
        let (first, last) = journal.ids();
        assert!(first == 1 && last >= 20, "{last}");
        let all = Wanted { topics: Vec::new(), name: None };
        let page = |after, at_most| {
            let page = journal.page(after, &all, at_most);
            assert_eq!((page.first, page.last, page.missed), (first, last, 0));
            (page.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), page.reached)
        };
        assert_eq!(page(Some(0), 3), (vec![1, 2, 3], 3));
        assert_eq!(page(Some(3), 2), (vec![4, 5], 5));
        assert_eq!(page(Some(last - 2), 2), (vec![last - 1, last], last));
        assert_eq!(page(Some(last - 1), 2), (vec![last], last));
        assert_eq!(page(Some(last), 2), (vec![], last));
        assert_eq!(page(Some(last + 1), 2), (vec![1, 2], 2), "an earlier run of the program has given it");
        assert_eq!(page(None, 3), (vec![last - 2, last - 1, last], last));
        assert_eq!(page(None, 1000).0, (1..=last).collect::<Vec<_>>());
        // One that is not wanted is looked at, too.
        let none = Wanted { topics: vec![Topic::Conflict], name: None };
        assert_eq!((journal.page(Some(0), &none, 1).entries.len(), journal.page(Some(0), &none, 1).reached), (0, last));
    }

    #[test]
    fn whoever_asks_the_journal_has_all_that_has_happened_by_then() {
        let scope = Scope::new();
        let breaker = {
            let _entered = scope.enter();
            CircuitBreaker::builder("one").register().unwrap()
        };
        let all = Wanted { topics: Vec::new(), name: None };
        let is_told = |of: &dyn Fn(&Journal) -> u64| {
            let journal = Journal::new(&scope.registry());
            let before = journal.written().last;
            breaker.force_open();
            breaker.reset();
            of(&journal) > before
        };
        assert!(is_told(&|journal| journal.page(Some(0), &all, 1000).reached));
        assert!(is_told(&|journal| journal.page(None, &all, 1).entries.last().unwrap().id));
        assert!(is_told(&|journal| journal.ids().1));
        assert!(is_told(&|journal| {
            journal.catch_up([]);
            journal.written().last
        }));
        assert!(is_told(&|journal| {
            assert!(journal.catch_up_and_wait(&mut Context::from_waker(std::task::Waker::noop())));
            journal.written().last
        }));
    }

    #[test]
    fn whoever_waits_is_told_when_there_will_never_be_more() {
        let scope = Scope::new();
        let journal = Journal::new(&scope.registry());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(journal.catch_up_and_wait(&mut context));
        drop(scope);
        assert!(!journal.catch_up_and_wait(&mut context));
    }

    #[test]
    fn what_the_journal_began_with_and_is_told_of_as_news_is_written_down_once() {
        let scope = Scope::new();
        let breaker = {
            let _entered = scope.enter();
            CircuitBreaker::builder("one").register().unwrap()
        };
        let mut told = scope.registry().subscribe();
        breaker.force_open();
        let journal = Journal::new(&scope.registry());
        let (begun_with, remembered) = (journal.ids(), std::iter::from_fn(|| told.try_recv()).collect::<Vec<_>>());
        assert_eq!(begun_with, (1, remembered.len() as u64));
        // As where these come between the subscription and what the registry is asked for.
        remembered.into_iter().for_each(|event| journal.written().news(event));
        assert_eq!(journal.ids(), begun_with);
        breaker.reset();
        assert!(journal.ids() > begun_with);
    }
}
