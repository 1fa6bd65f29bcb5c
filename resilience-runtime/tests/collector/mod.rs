//! A collector of `tracing` that keeps everything that this library tells it.
#![allow(dead_code, reason = "each test looks at what it is about")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

pub(crate) type Fields = BTreeMap<&'static str, String>;

pub(crate) struct Told {
    pub(crate) level: Level,
    pub(crate) fields: Fields,
    /// The innermost span at that moment, by its place among all.
    pub(crate) inside: Option<usize>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// Those that a span or an event may have.
    pub(crate) fields_of_spans: BTreeSet<String>,
    pub(crate) fields_of_events: BTreeSet<String>,
    pub(crate) spans: Vec<Fields>,
    pub(crate) events: Vec<Told>,
    pub(crate) entered: Vec<usize>,
    pub(crate) entries: usize,
}

/// Collects everything of this library's that is at most as verbose as the level.
#[derive(Clone, Default)]
pub(crate) struct Collector(pub(crate) Arc<Mutex<Seen>>);

impl Collector {
    pub(crate) fn lines(&self) -> Vec<(Level, String)> {
        self.0.lock().unwrap().events.iter().map(|event| (event.level, event.fields["message"].clone())).collect()
    }

    /// The fields of the only span.
    pub(crate) fn span(&self) -> Fields {
        let seen = self.0.lock().unwrap();
        assert_eq!((seen.spans.len(), seen.entered.len()), (1, 0));
        seen.spans[0].clone()
    }
}

struct Into<'a>(&'a mut Fields);

impl Visit for Into<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// A span's place among all that were seen.
struct Place(usize);

fn place<S: Subscriber + for<'a> LookupSpan<'a>>(id: &Id, context: &Context<'_, S>) -> usize {
    context.span(id).unwrap().extensions().get::<Place>().unwrap().0
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Into(&mut fields));
        let mut seen = self.0.lock().unwrap();
        context.span(id).unwrap().extensions_mut().insert(Place(seen.spans.len()));
        seen.fields_of_spans.extend(attributes.metadata().fields().iter().map(|field| field.to_string()));
        seen.spans.push(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let place = place(id, &context);
        values.record(&mut Into(&mut self.0.lock().unwrap().spans[place]));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Into(&mut fields));
        let mut seen = self.0.lock().unwrap();
        let inside = seen.entered.last().copied();
        seen.fields_of_events.extend(event.metadata().fields().iter().map(|field| field.to_string()));
        seen.events.push(Told { level: *event.metadata().level(), fields, inside });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let mut seen = self.0.lock().unwrap();
        seen.entered.push(place(id, &context));
        seen.entries += 1;
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        assert_eq!(self.0.lock().unwrap().entered.pop(), Some(place(id, &context)), "left in the order of entering");
    }
}

/// To be called before a thread collects for itself alone. While `tracing` knows of one subscriber only, it asks whichever thread comes to an event first whether anybody
/// wants it, and keeps the answer for all threads; beside this one, which wants nothing, it asks every subscriber.
pub(crate) fn beside_others() {
    static WANTS_NOTHING: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
    LazyLock::force(&WANTS_NOTHING);
}

/// For this thread, until the guard is dropped.
pub(crate) fn collect(level: LevelFilter) -> (Collector, DefaultGuard) {
    beside_others();
    let collector = Collector::default();
    let ours = filter_fn(|metadata| metadata.target() == "resilience");
    let subscriber = tracing_subscriber::registry().with(collector.clone().with_filter(ours)).with(level);
    (collector, subscriber.set_default())
}
