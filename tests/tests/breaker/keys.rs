//! A breaker with keys against one reference a key: which key has an instance, which loses it, which shares one, and that each decides as a breaker alone does.

use super::calls::{Form, Guard, UnderWay, form};
use super::reference::{self, Admitted, Reference, Verdict};
use super::{config, millis, verdict};
use proptest::prelude::*;
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, CircuitBreakerConfig, Rejection, State, Timestamp};
use std::collections::BTreeMap;

const MAX_KEYS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Act {
    ForceOpen,
    Disable,
    Monitor,
    Enforce,
    EnforceShare(u8),
    Reset,
}

#[derive(Clone, Debug)]
enum Step {
    /// A call of that key, which ends at once or later.
    Ask {
        key: u32,
        form: Form,
        ends: Option<Verdict>,
    },
    /// Of the calls that are under way, the one at this place.
    Finish(usize, Verdict),
    /// Its body is asked, and waits.
    Wait(usize),
    /// An item of its stream comes.
    Item(usize, Verdict),
    Pass(u64),
    All(Act),
    One(u32, Act),
    Reconfigure(CircuitBreakerConfig),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::ForceOpen),
        1 => Just(Act::Disable),
        1 => Just(Act::Monitor),
        1 => Just(Act::Enforce),
        1 => prop::sample::select(vec![0, 100]).prop_map(Act::EnforceShare),
        3 => Just(Act::Reset),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..6_u32;
    prop_oneof![
        10 => (key(), form(), verdict()).prop_map(|(key, form, end)| Step::Ask { key, form, ends: Some(end) }),
        6 => (key(), form()).prop_map(|(key, form)| Step::Ask { key, form, ends: None }),
        6 => (0usize..8, verdict()).prop_map(|(which, verdict)| Step::Finish(which, verdict)),
        2 => (0usize..8).prop_map(Step::Wait),
        8 => (0usize..8, verdict()).prop_map(|(which, verdict)| Step::Item(which, verdict)),
        4 => prop::sample::select(vec![1u64, 37, 250, 1000, 9000, 60_000]).prop_map(Step::Pass),
        1 => act().prop_map(Step::All),
        1 => (key(), act()).prop_map(|(key, act)| Step::One(key, act)),
        1 => config().prop_map(Step::Reconfigure),
    ]
}

fn act_on(breaker: &CircuitBreaker, act: Act) {
    match act {
        Act::ForceOpen => breaker.force_open(),
        Act::Disable => breaker.disable(),
        Act::Monitor => breaker.monitor(),
        Act::Enforce => breaker.enforce(),
        Act::EnforceShare(percent) => breaker.steer().enforce_share(percent).unwrap(),
        Act::Reset => breaker.reset(),
    }
}

fn act_on_reference(reference: &mut Reference, act: Act) {
    match act {
        Act::ForceOpen => reference.force_open(),
        Act::Disable => reference.disable(),
        Act::Monitor => reference.set_monitored(true),
        Act::Enforce => reference.set_monitored(false),
        Act::EnforceShare(percent) => reference.enforce_share(percent),
        Act::Reset => reference.reset(),
    }
}

/// A call that is under way, and whose it is.
struct Taken<'a> {
    call: UnderWay<'a>,
    of: usize,
}

/// The first is that which keys share that have none of their own. Those of keys that were evicted stay: their calls may end yet.
struct Family {
    references: Vec<Reference>,
    held: BTreeMap<u32, usize>,
    config: CircuitBreakerConfig,
    now: u64,
    /// Of the shared one: calls that it would reject and that pass.
    lifted: u64,
}

impl Family {
    fn living(&mut self) -> impl Iterator<Item = &mut Reference> {
        let held: Vec<usize> = self.held.values().copied().chain([0]).collect();
        let all = self.references.iter_mut().enumerate();
        all.filter(move |(index, _)| held.contains(index)).map(|(_, reference)| reference)
    }

    /// The key loses its instance: what is still out of it decides nothing.
    fn evict(&mut self, key: u32) {
        let gone = self.held.remove(&key).unwrap();
        self.references[gone].force_open();
    }

    /// What was done to all holds for a key that comes.
    fn give(&mut self, key: u32) {
        let mut new = Reference::new(self.config, None, self.now);
        let all = &self.references[0];
        match all.decided() {
            State::ForcedOpen => new.force_open(),
            State::Disabled => new.disable(),
            _ if all.state() == State::Monitoring => new.set_monitored(true),
            _ => new.enforce_share(all.enforced_percent()),
        }
        self.held.insert(key, self.references.len());
        self.references.push(new);
    }

    /// Whether no other key may have its instance.
    fn is_kept(&self, key: u32, out: &[Taken<'_>]) -> bool {
        let of = self.held[&key];
        self.references[of].decided() != State::Closed
            || out.iter().any(|taken| taken.of == of && taken.call.is_known())
    }

    /// What a call gets of the reference at this place.
    fn acquire(&mut self, of: usize) -> Result<reference::Permit, (resilience_runtime::OpenReason, Option<u64>)> {
        match self.references[of].acquire() {
            Err((_, Some(_))) if of == 0 => {
                self.lifted += 1;
                let mut passes = Reference::new(CircuitBreakerConfig::new(), None, self.now).acquire().unwrap();
                passes.admitted = Admitted::Unjudged;
                Ok(passes)
            }
            asked => asked,
        }
    }
}

async fn run(config: CircuitBreakerConfig, steps: Vec<Step>) {
    let with_keys = |config: CircuitBreakerConfig| config.max_keys(MAX_KEYS as u32);
    let _entered = Scope::new().enter();
    let breaker = CircuitBreaker::builder("reference").config(with_keys(config)).register().unwrap();
    let now = Timestamp::now().as_millis();
    let references = vec![Reference::new(config, None, now)];
    let mut family = Family { references, held: BTreeMap::new(), config, now, lifted: 0 };
    let mut out: Vec<Taken<'_>> = Vec::new();
    let overflowed = || breaker.snapshot().keys.map_or(0, |keys| keys.overflowed);

    for (at, step) in steps.iter().enumerate() {
        let context = || format!("after step {at}, {step:?}");
        match step.clone() {
            Step::Ask { key, form, ends } => {
                let before = overflowed();
                let asked = Guard { breaker: &breaker, key: Some(key) }.begin(form);
                let shares = overflowed() > before;
                let gone: Vec<u32> = family.held.keys().copied().filter(|key| breaker.of_key(*key).is_none()).collect();
                for &key in &gone {
                    assert!(!family.is_kept(key, &out), "{key} was evicted {}", context());
                    family.evict(key);
                }
                if shares {
                    assert!(!family.held.contains_key(&key) && gone.is_empty(), "{}", context());
                    assert_eq!(family.held.len(), MAX_KEYS, "there was room {}", context());
                    assert!(family.held.keys().all(|key| family.is_kept(*key, &out)), "one was idle {}", context());
                } else if !family.held.contains_key(&key) {
                    assert!(gone.is_empty() || family.held.len() == MAX_KEYS - 1, "{}", context());
                    family.give(key);
                } else {
                    assert!(gone.is_empty(), "{}", context());
                }
                let of = if shares { 0 } else { family.held[&key] };
                match (asked, family.acquire(of)) {
                    (Ok(real), Ok(expected)) => {
                        let call = UnderWay::new(real, expected, family.now);
                        match ends {
                            Some(verdict) => call.finish(verdict, &mut family.references[of]),
                            None => out.push(Taken { call, of }),
                        }
                    }
                    (Err(Rejection::CircuitOpen { key: of_key, reason, retry_after, .. }), Err(expected)) => {
                        assert_eq!((reason, retry_after), (expected.0, expected.1.map(millis)), "{}", context());
                        assert_eq!(
                            of_key.map(|key| key.to_string()),
                            (!shares).then(|| key.to_string()),
                            "{}",
                            context()
                        );
                    }
                    (asked, expected) => {
                        panic!("{:?} in place of {expected:?} {}", asked.map(|_| "a permit"), context())
                    }
                }
            }
            Step::Finish(which, _) | Step::Wait(which) | Step::Item(which, _) if which >= out.len() => {}
            Step::Finish(which, verdict) => {
                let Taken { call, of } = out.remove(which);
                call.finish(verdict, &mut family.references[of]);
            }
            Step::Wait(which) => {
                let Taken { call, of } = out.remove(which);
                out.extend(call.waits(&mut family.references[of]).map(|call| Taken { call, of }));
            }
            Step::Item(which, verdict) => {
                let Taken { call, of } = out.remove(which);
                out.extend(call.item(verdict, &mut family.references[of]).map(|call| Taken { call, of }));
            }
            Step::Pass(time) => {
                tokio::time::advance(millis(time)).await;
                family.now += time;
                family.references.iter_mut().for_each(|reference| reference.now += time);
            }
            Step::All(act) => {
                act_on(&breaker, act);
                family.living().for_each(|reference| act_on_reference(reference, act));
            }
            Step::One(key, act) => {
                if let Some(&of) = family.held.get(&key) {
                    act_on(&breaker.of_key(key).unwrap(), act);
                    act_on_reference(&mut family.references[of], act);
                }
            }
            Step::Reconfigure(config) => {
                breaker.reconfigure(with_keys(config)).unwrap();
                family.config = config;
                // A call of a key that was evicted is judged by it too.
                family.references.iter_mut().for_each(|reference| reference.reconfigure(config));
            }
        }
        compare(&breaker, &mut family, &context);
    }
}

fn compare(breaker: &CircuitBreaker, family: &mut Family, context: &dyn Fn() -> String) {
    let real = breaker.snapshot();
    let mut not_closed = 0;
    for (key, of) in &family.held {
        let (real, reference) = (breaker.of_key(*key).unwrap().snapshot(), &family.references[*of]);
        assert_eq!((real.state, real.decided), (reference.state(), reference.decided()), "{key} {}", context());
        assert_eq!(real.window, reference.window(), "{key} {}", context());
        assert_eq!(real.consecutive_failures, reference.row(), "{key} {}", context());
        assert_eq!(real.reason, reference.reason(), "{key} {}", context());
        let due = reference.probe_due().map(|due| millis(due.saturating_sub(reference.now)));
        assert_eq!(real.probe_due_in, due, "{key} {}", context());
        let probes = real.probes.map(|probes| (probes.in_flight, probes.succeeded, probes.failed));
        assert_eq!(probes, reference.probes(), "{key} {}", context());
        not_closed += u64::from(!matches!(reference.decided(), State::Closed | State::Disabled));
    }
    if let Some(keys) = real.keys {
        assert_eq!((keys.held, keys.not_closed), (family.held.len() as u64, not_closed), "{}", context());
        // A key that only monitors rejects nobody; what it has decided is told.
        assert!(not_closed == 0 || real.decided != State::Closed, "it is not closed {}", context());
    }
    let sum = |total: fn(&reference::Totals) -> u64| -> u64 {
        family.references.iter().map(|reference| total(&reference.totals)).sum()
    };
    let totals = real.totals;
    assert_eq!(totals.successes, sum(|totals| totals.successes), "{}", context());
    assert_eq!(totals.failures, sum(|totals| totals.failures), "{}", context());
    assert_eq!(totals.slow, sum(|totals| totals.slow), "{}", context());
    assert_eq!(totals.ignored, sum(|totals| totals.ignored), "{}", context());
    assert_eq!(totals.cancelled, sum(|totals| totals.cancelled), "{}", context());
    assert_eq!(totals.abandoned, sum(|totals| totals.abandoned), "{}", context());
    assert_eq!(totals.panicked, sum(|totals| totals.panicked), "{}", context());
    assert_eq!(totals.stale, sum(|totals| totals.stale), "{}", context());
    assert_eq!(totals.rejected + family.lifted, sum(|totals| totals.rejected), "{}", context());
    assert_eq!(totals.would_reject, sum(|totals| totals.would_reject) + family.lifted, "{}", context());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_breakers_of_keys_do_what_a_reference_for_each_does(
        config in config(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(config, steps));
    }
}
