//! One bulkhead a key: two slow tenants of eight do not take the others' places.
//!
//! A key's bulkhead may be given to another key while nobody is inside or waits. Where none is empty, new keys share the named bulkhead itself.

use super::gate::Arrival;
use super::{Bulkhead, BulkheadCounts, Place, limit};
use crate::error::{Failure, Rejection};
use crate::event::Turn;
use crate::keyed::{ByKey, Idle, Keyed, OfKeys};
use crate::name::{Key, PolicyKey};
use crate::window::Shard;
use resilience_config::BulkheadConfig;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

impl Bulkhead {
    /// The bulkhead of one key, shown as `name[key]`, with as many places as this one says: made when the key is first called, at most `max_keys` of them (1024 by
    /// default). One that is empty makes room for a new key, the longest unused one first; where none is, new keys share one more. A key takes about a kibibyte
    /// and its own length.
    ///
    /// What is counted by this bulkhead are the sums over all keys. The key is a value that is `Display`, or a tuple of such values, and is compared as a whole;
    /// one that is longer than 1 KiB shares the bulkhead of those that found no place.
    ///
    /// ```
    /// # use resilience_runtime::Bulkhead;
    /// let pool = Bulkhead::builder("pool").max_concurrent(1).build()?;
    /// let place = pool.keyed("acme").try_acquire()?;
    /// assert_eq!(pool.keyed("acme").try_acquire().unwrap_err().to_string(), "bulkhead `pool[acme]` is full");
    /// assert!(pool.keyed("globex").try_acquire().is_ok());
    /// # drop(place);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn keyed<Fit>(&self, key: impl PolicyKey<Fit>) -> Keyed<'_, Self> {
        Keyed::new(self, &key)
    }

    /// The bulkhead that a key has now. It may be another key's later: see [`key`](Self::key).
    pub fn of_key<Fit>(&self, key: impl PolicyKey<Fit>) -> Option<Arc<Self>> {
        self.of_keys.find(&key)
    }

    /// The bulkheads of all keys, by key; empty without keys.
    pub fn of_keys(&self) -> Vec<Arc<Self>> {
        self.of_keys.held()
    }

    /// Of a key's bulkhead: which. It changes when the bulkhead is given to another key.
    pub fn key(&self) -> Option<Key> {
        self.of_keys.key()
    }
}

/// Who has entered the bulkhead of a key, which is nothing where it shares one.
type InstancePlace<'a> = (Option<&'a Arc<Bulkhead>>, Place<'a>);

impl<'a> Keyed<'a, Bulkhead> {
    /// As [`Bulkhead::try_acquire`], for this key.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] where this key has no place free, or somebody waits for it.
    pub fn try_acquire(&self) -> Result<Place<'a>, Rejection> {
        self.try_enter().map(|(_, place)| place)
    }

    /// As [`Bulkhead::acquire`], for this key.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] when this key's queue is full, or after `max_wait` in it.
    ///
    /// # Panics
    ///
    /// Where it has to wait with a `max_wait`, and the runtime has no timer.
    pub async fn acquire(self) -> Result<Place<'a>, Rejection> {
        self.enter().await.map(|(_, place)| place)
    }

    /// With the key's bulkhead; nothing where it shares one.
    pub(super) fn try_enter(&self) -> Result<InstancePlace<'a>, Rejection> {
        let (of_key, arrival) = self.arrive(|bulkhead| bulkhead.gate.enter());
        let bulkhead = of_key.map_or(self.family, |of_key| of_key);
        match arrival {
            Arrival::Entered => Ok((of_key, bulkhead.admit())),
            Arrival::Off => Ok((of_key, Place { bulkhead: None })),
            Arrival::Queued | Arrival::Full => Err(self.reject(bulkhead)),
        }
    }

    /// The same, after having waited if need be.
    pub(super) async fn enter(self) -> Result<InstancePlace<'a>, Rejection> {
        let (of_key, arrival) = self.arrive(Bulkhead::arrive);
        let bulkhead = of_key.map_or(self.family, |of_key| of_key);
        match arrival {
            Arrival::Entered => Ok((of_key, bulkhead.admit())),
            Arrival::Queued => bulkhead.wait().await.map(|place| (of_key, place)),
            Arrival::Off => Ok((of_key, Place { bulkhead: None })),
            Arrival::Full => Err(self.reject(bulkhead)),
        }
    }

    /// As [`Bulkhead::call`], for this key.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        let place = self.acquire().await.map_err(Failure::Rejected)?;
        place.watch(pin!(call)).await.map_err(Failure::Call)
    }

    fn arrive(&self, arrive: impl Fn(&'a Bulkhead) -> Arrival) -> (Option<&'a Arc<Bulkhead>>, Arrival) {
        match self.ask(&arrive, |bulkhead, arrival| bulkhead.gate.undo(arrival, Shard::if_taken())) {
            Some((of_key, arrival)) => (Some(of_key.instance()), arrival),
            None => (None, arrive(self.family)),
        }
    }

    #[cold]
    fn reject(&self, bulkhead: &'a Bulkhead) -> Rejection {
        let key = if bulkhead.of_keys.is_of_an_instance() { self.kept_key() } else { None };
        bulkhead.reject(|| bulkhead.admitted.reject(), key)
    }
}

impl ByKey for Bulkhead {
    type Counted = BulkheadCounts;

    fn by_key(&self) -> &OfKeys<Self> {
        &self.of_keys
    }

    fn max_keys(&self) -> u32 {
        self.settings.get().max_keys
    }

    fn like_this(&self) -> Self {
        Self::with(self.name(), self.settings.get(), self.emitter.clone(), OfKeys::of_an_instance())
    }

    fn counted(&self) -> BulkheadCounts {
        BulkheadCounts {
            admitted: self.admitted.get(),
            rejected: self.admitted.rejected(),
            timed_out: self.timed_out.get(),
        }
    }

    fn put_for_key(&self, _: &mut Turn<'_>, keys: Option<BulkheadConfig>, all: &Self) -> u64 {
        self.put_alone(&keys.map_or_else(|| all.settings.get(), |keys| Arc::new(keys.resolve())))
    }

    /// One in which nobody is and for which nobody waits.
    fn idle(&self, _: u64) -> Option<Idle> {
        self.gate.word().is_empty().then_some(Idle { is_missed: false, since: 0 })
    }

    fn begin_anew(&self, _: u64) -> bool {
        self.gate.is_empty_for_all()
    }

    /// Whether it is full.
    fn is_not_closed(&self) -> bool {
        limit(&self.settings.get()) > 0 && self.gate.word().enter().is_none()
    }
}
