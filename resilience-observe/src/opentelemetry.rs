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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(samples: Samples) -> Vec<(String, f64)> {
        let said = |of: &KeyValue| format!("{}={}", of.key, of.value);
        samples.into_iter().map(|(of, value)| (of.iter().map(said).collect::<Vec<_>>().join(","), value)).collect()
    }

    /// What is told of the family, where as many have series of their own as can, and some more come.
    fn beyond_the_bound(family: &'static Family, sums: &mut Sums, more: &[(&str, f64)]) -> Vec<(String, f64)> {
        let mut admitted = HashSet::new();
        let (samples, others) = (Vec::new(), BTreeMap::new());
        let mut folded = Folded { family, label: "service", admitted: &mut admitted, samples, others };
        // Whoever is called like those beyond the bound is one of them, although there is room.
        folded.add(&[("service", OTHER)], 1.0);
        let words = family.words.as_ref().map_or(1, |words| words.values.len());
        for nth in 0..SERIES / words {
            folded.add(&[("service", &nth.to_string())], 1.0);
        }
        more.iter().for_each(|(name, value)| folded.add(&[("service", name)], *value));
        let samples = told(folded.end(sums));
        assert_eq!(samples[0], ("resilience.name=0".to_owned(), 1.0));
        samples[SERIES / words..].to_vec()
    }

    #[test]
    fn those_beyond_the_bound_are_told_together_as_their_family_is_folded() {
        for (folding, before, after) in [
            (Folding::Sum, Some(1.0 + 2.0 + 4.0 + 3.0), Some(1.0 + 2.0)),
            (Folding::Max, Some(4.0), Some(2.0)),
            (Folding::None, None, None),
        ] {
            let is_key_or_none = |family: &Family| matches!(family.source, Source::Observer(_) | Source::Key(_));
            let families = exported().filter(|family| !is_key_or_none(family) && family.folding == folding);
            let families: Vec<_> = families.collect();
            assert!(!families.is_empty());
            for family in families {
                let mut sums = Sums::default();
                let expected = |value: Option<f64>| -> Vec<_> {
                    value.map(|value| ("resilience.name=(other)".to_owned(), value)).into_iter().collect()
                };
                let told = beyond_the_bound(family, &mut sums, &[("a", 2.0), ("b", 4.0), ("c", 3.0)]);
                assert_eq!(told, expected(before), "{}", family.name);
                // Two of them are gone. What they have counted stays.
                let told = beyond_the_bound(family, &mut sums, &[("a", 2.0)]);
                let after = if family.kind == MetricKind::Gauge { after } else { before };
                assert_eq!(told, expected(after), "{}", family.name);
            }
        }
    }

    #[test]
    fn keys_beyond_the_bound_are_not_told() {
        let family = exported().find(|family| matches!(family.source, Source::Key(_))).unwrap();
        let (mut admitted, samples, others) = (HashSet::new(), Vec::new(), BTreeMap::new());
        let mut folded = Folded { family, label: "service", admitted: &mut admitted, samples, others };
        for nth in 0..=SERIES {
            folded.add(&[("service", "stock"), ("key", &nth.to_string())], 1.0);
        }
        let told = told(folded.end(&mut Sums::default()));
        assert_eq!((told.len(), &*told[SERIES - 1].0), (SERIES, "resilience.name=stock,resilience.key=1899"));
    }

    #[test]
    fn whatever_is_measured_in_seconds_says_so() {
        for family in exported() {
            let expected = if family.name.contains("seconds") { "s" } else { "1" };
            assert_eq!(family.otel_unit(), expected, "{}", family.name);
        }
    }

    #[test]
    fn each_label_is_an_attribute_of_its_own_name() {
        let (family, mut admitted) = (&families()[0], HashSet::new());
        let (samples, others) = (Vec::new(), BTreeMap::new());
        let folded = Folded { family, label: "breaker", admitted: &mut admitted, samples, others };
        let labels = [("breaker", "a"), ("operation", "shop::pay"), ("kind", "retry"), ("outcome", "failure")];
        let of = folded.attributes(&labels);
        let expected =
            "resilience.name=a,code.function.name=shop::pay,resilience.policy=retry,resilience.outcome=failure";
        assert_eq!(told(vec![(of, 0.0)])[0].0, expected);
    }
}
