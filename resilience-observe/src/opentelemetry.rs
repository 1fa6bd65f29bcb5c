//! The same numbers as OpenTelemetry's instruments, which are asked at each collection.

use crate::locked::locked;
use crate::observer::Observer;
use crate::reading::{OTHER, Sums};
use crate::table::{Family, Folding, MetricKind, Source, families};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The SDK keeps 2,000 sets of attributes an instrument and tells of all others together, with the last value that it was told and not their sum. So they are
/// folded before.
const SERIES: usize = 1900;

/// No collection takes longer; one that was broken off leaves nothing to the next.
const LONGEST: Duration = Duration::from_secs(5);

type Samples = Vec<(Vec<KeyValue>, f64)>;

/// One reading for all instruments, and who has series of its own in each.
struct Collection {
    observer: Observer,
    /// By the instrument. It only grows, so that no series ever becomes another policy's.
    admitted: HashMap<&'static str, HashSet<String>>,
    sums: Sums,
    /// What was read, and by when. Every instrument asks by itself and takes its own: the one that asks twice begins another collection.
    read: HashMap<&'static str, Samples>,
    at: Option<Instant>,
}

impl Observer {
    /// Makes an observable instrument of each metric that is no alias, for as long as the meter's provider lives. They are asked at each collection, and not between.
    ///
    /// Of a metric `circuit_breaker_calls_total` with the labels `service` and `outcome`, the instrument is called `resilience.circuit_breaker.calls` and has the
    /// attributes `resilience.name` and `resilience.outcome`. A function is in `code.function.name`.
    ///
    /// Of the histogram `circuit_breaker_call_duration_seconds` there is the sum, `resilience.circuit_breaker.call.time`: an instrument that is asked cannot be a
    /// histogram. Divided by `resilience.circuit_breaker.calls` it is the mean.
    ///
    /// An instrument has 1,900 series at most, which is what the SDK keeps: of one with seven outcomes those are 271 policies, and what is beyond is summed as
    /// `(other)`.
    ///
    /// ```
    /// use opentelemetry::global;
    /// use resilience_observe::Observer;
    /// use resilience_runtime::registry;
    ///
    /// Observer::new(registry()).meter(&global::meter("resilience"));
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "opentelemetry")))]
    pub fn meter(&self, meter: &Meter) {
        let (admitted, sums) = (HashMap::new(), Sums::default());
        let collection = Collection { observer: self.clone(), admitted, sums, read: HashMap::new(), at: None };
        let collection = Arc::new(Mutex::new(collection));
        for family in exported() {
            let collection = Arc::clone(&collection);
            let observe = move |tell: &mut dyn FnMut(f64, &[KeyValue])| {
                let mut collection = locked(&collection);
                for (attributes, value) in collection.take(family) {
                    tell(value, &attributes);
                }
            };
            let (name, unit) = (family.otel_name(), family.otel_unit());
            match family.kind {
                MetricKind::Counter | MetricKind::Histogram => {
                    let counter = meter.f64_observable_counter(name).with_description(family.help).with_unit(unit);
                    counter
                        .with_callback(move |observer| observe(&mut |value, of| observer.observe(value, of)))
                        .build();
                }
                MetricKind::Gauge => {
                    let gauge = meter.f64_observable_gauge(name).with_description(family.help).with_unit(unit);
                    gauge.with_callback(move |observer| observe(&mut |value, of| observer.observe(value, of))).build();
                }
            }
        }
    }
}

/// All that are counted. What has which policy is no number.
fn exported() -> impl Iterator<Item = &'static Family> {
    families().iter().filter(|family| !family.is_alias && !matches!(family.source, Source::Layer))
}

impl Collection {
    fn take(&mut self, family: &Family) -> Samples {
        let is_of_this = self.at.is_some_and(|at| at.elapsed() < LONGEST);
        if !is_of_this || !self.read.contains_key(family.name) {
            let Self { observer, admitted, sums, .. } = self;
            let label = observer.label();
            self.read = observer.read(|reading| {
                let each = exported().map(|family| {
                    let admitted = admitted.entry(family.name).or_default();
                    let mut folded = Folded { family, label, admitted, samples: Vec::new(), others: BTreeMap::new() };
                    reading.for_each_sample(family, |end, labels, value| {
                        // Of a histogram the sum: there is no instrument that is asked for more.
                        if matches!(end, "" | "_sum") {
                            folded.add(labels, value);
                        }
                    });
                    (family.name, folded.end(sums))
                });
                each.collect()
            });
            self.at = Some(Instant::now());
        }
        self.read.remove(family.name).unwrap_or_default()
    }
}

/// The samples of one instrument.
struct Folded<'c> {
    family: &'static Family,
    /// That of the policy's name.
    label: &'c str,
    admitted: &'c mut HashSet<String>,
    samples: Samples,
    /// Those beyond the bound, by the attributes that they have together.
    others: BTreeMap<Vec<(String, String)>, f64>,
}

impl Folded<'_> {
    /// The first label is the name of the policy or the function, where there is one.
    fn add(&mut self, labels: &[(&str, &str)], value: f64) {
        let words = self.family.words.as_ref().map_or(1, |words| words.values.len());
        let has_series = match (&self.family.source, labels.first()) {
            (Source::Observer(_), _) | (_, None) => true,
            // A name may have many keys, which are not to be told together.
            (Source::Key(_), _) if self.samples.len() < SERIES => true,
            (Source::Key(_), _) => return,
            (_, Some((_, OTHER))) => false,
            (_, Some((_, name))) => {
                let has_room = self.admitted.len() < SERIES / words;
                self.admitted.contains(*name) || has_room && self.admitted.insert((*name).to_owned())
            }
        };
        if has_series {
            return self.samples.push((self.attributes(labels), value));
        }
        let of_all =
            labels.iter().enumerate().map(|(nth, (label, value))| (*label, if nth == 0 { OTHER } else { *value }));
        let of_all = of_all.map(|(label, value)| (label.to_owned(), value.to_owned())).collect();
        let folding = self.family.folding;
        let together = |before: &mut f64| match folding {
            Folding::Sum => *before += value,
            Folding::Max => *before = before.max(value),
            Folding::None => {}
        };
        self.others.entry(of_all).and_modify(together).or_insert(value);
    }

    fn end(mut self, sums: &mut Sums) -> Samples {
        if self.family.folding != Folding::None {
            for (labels, mut value) in std::mem::take(&mut self.others) {
                if self.family.kind != MetricKind::Gauge {
                    value = sums.risen(format!("{}{labels:?}", self.family.name), value);
                }
                let labels: Vec<_> = labels.iter().map(|(label, value)| (&**label, &**value)).collect();
                self.samples.push((self.attributes(&labels), value));
            }
        }
        self.samples
    }

    fn attributes(&self, labels: &[(&str, &str)]) -> Vec<KeyValue> {
        let attribute = |(label, value): &(&str, &str)| {
            let name = match *label {
                label if label == self.label => "resilience.name".to_owned(),
                "operation" => "code.function.name".to_owned(),
                "kind" => "resilience.policy".to_owned(),
                label => format!("resilience.{label}"),
            };
            KeyValue::new(name, (*value).to_owned())
        };
        labels.iter().map(attribute).collect()
    }
}
