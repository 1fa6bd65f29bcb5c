//! One rate limiter a key: the commonest limit is one for each user.
//!
//! A key's limiter may be given to another key while its bucket is full and nobody waits: the key has the same one when it comes again, so its bound holds over evictions.
//! Where none is full, new keys share 64 limiters, chosen by a hash that nobody can foretell.

use super::{RateLimiter, RateLimiterCounts, TurnAsked, Waiter, wait_for_turn};
use crate::error::{Failure, Rejection};
use crate::event::Turn;
use crate::keyed::{ByKey, Idle, Keyed, OfKeys, Sums};
use crate::name::{Key, KeyHasher, PolicyKey, PrintedKey};
use crate::time::measured_nanos;
use resilience_config::RateLimitConfig;
use std::future::Future;
use std::sync::Arc;

/// Limiters that are shared by keys which have none of their own.
const SHARED: usize = 64;

pub(super) struct Overflow {
    limiters: [RateLimiter; SHARED],
    hasher: KeyHasher,
}

impl Overflow {
    fn new(like: &RateLimiter) -> Box<Self> {
        Box::new(Self { limiters: std::array::from_fn(|_| like.like_this()), hasher: KeyHasher::new() })
    }

    fn of(&self, key: &PrintedKey) -> &RateLimiter {
        // Of so many, the lowest bits of a good hash.
        &self.limiters[(key.hash(&self.hasher) % SHARED as u64) as usize]
    }
}

impl RateLimiter {
    /// The rate limiter of one key, shown as `name[key]`, at the same rate as this one: made when the key is first called, at most `max_keys` of them (65,536 by
    /// default). One whose bucket is full makes room for a new key, the longest unused one first, and nothing is lost by that; where none is full, new keys share
    /// 64 limiters by hash. A key takes about a kibibyte and its own length.
    ///
    /// What is counted by this limiter are the sums over all keys. The key is a value that is `Display`, or a tuple of such values, and is compared as a whole;
    /// one that is longer than 1 KiB shares one of the 64.
    ///
    /// ```
    /// # use resilience_runtime::{Rate, RateLimiter};
    /// let api = RateLimiter::builder("api").rate(Rate::per_minute(1)).build()?;
    /// api.keyed(("acme", 7)).try_acquire()?;
    /// let rejection = api.keyed(("acme", 7)).try_acquire().unwrap_err();
    /// assert!(rejection.to_string().starts_with("rate limit `api[acme, 7]` is reached; try again in "));
    /// api.keyed(("acme", 8)).try_acquire()?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Whoever chooses the key chooses the limiter. A subscriber has 2^64 addresses of IPv6, so let the key be the network and not the address:
    ///
    /// ```
    /// use std::net::{IpAddr, Ipv6Addr};
    ///
    /// fn network(address: IpAddr) -> IpAddr {
    ///     match address.to_canonical() {
    ///         IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & u128::MAX << 64).into(),
    ///         address => address,
    ///     }
    /// }
    /// # use resilience_runtime::{Rate, RateLimiter};
    /// # let api = RateLimiter::builder("api").rate(Rate::per_minute(1)).build()?;
    /// # let address = |text: &str| text.parse::<IpAddr>();
    ///
    /// api.keyed(network(address("2001:db8:0:7::1")?)).try_acquire()?;
    /// assert!(api.keyed(network(address("2001:db8:0:7::2")?)).try_acquire().is_err());
    /// assert!(api.keyed(network(address("2001:db8:0:8::2")?)).try_acquire().is_ok());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn keyed<Fit>(&self, key: impl PolicyKey<Fit>) -> Keyed<'_, Self> {
        Keyed::new(self, &key)
    }

    /// The limiter that a key has now. It may be another key's later: see [`key`](Self::key).
    pub fn of_key<Fit>(&self, key: impl PolicyKey<Fit>) -> Option<Arc<Self>> {
        self.of_keys.find(&key)
    }

    /// The limiters of all keys, by key; empty without keys.
    pub fn of_keys(&self) -> Vec<Arc<Self>> {
        self.of_keys.held()
    }

    /// Of a key's limiter: which. It changes when the limiter is given to another key.
    pub fn key(&self) -> Option<Key> {
        self.of_keys.key()
    }

    /// Those that keys share which have none of their own.
    pub(super) fn overflow(&self) -> impl Iterator<Item = &Self> {
        self.overflow.get().into_iter().flat_map(|overflow| &overflow.limiters)
    }

    /// Every other one that is a part of this.
    pub(super) fn for_each_other(&self, mut act: impl FnMut(&Self)) {
        self.of_keys.for_each_instance(&mut act);
        self.overflow().for_each(act);
    }
}

impl<'a> Keyed<'a, RateLimiter> {
    /// As [`RateLimiter::try_acquire`], for this key.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`] where this key has no turn now, or somebody waits for it.
    pub fn try_acquire(&self) -> Result<(), Rejection> {
        self.try_acquire_many(1)
    }

    /// As [`RateLimiter::try_acquire_many`], for this key.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`]; without a `retry_after` where the call costs more than the burst.
    pub fn try_acquire_many(&self, cost: u32) -> Result<(), Rejection> {
        self.begin(cost, false).map(drop)
    }

    /// As [`RateLimiter::acquire`], for this key.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`] at once when the turn is further away than `max_wait`.
    ///
    /// # Panics
    ///
    /// Where it has to wait and the runtime has no timer.
    pub fn acquire(self) -> impl Future<Output = Result<(), Rejection>> + use<'a> {
        self.acquire_many(1)
    }

    /// As [`RateLimiter::acquire_many`], for this key.
    ///
    /// # Errors
    ///
    /// As of [`try_acquire_many`](Self::try_acquire_many).
    ///
    /// # Panics
    ///
    /// Where it has to wait and the runtime has no timer.
    pub fn acquire_many(self, cost: u32) -> impl Future<Output = Result<(), Rejection>> + use<'a> {
        wait_for_turn(move || self.begin(cost, true))
    }

    /// As [`RateLimiter::call`], for this key.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        self.acquire().await.map_err(Failure::Rejected)?;
        call.await.map_err(Failure::Call)
    }

    fn begin(&self, cost: u32, may_wait: bool) -> Result<Option<Waiter<'a>>, Rejection> {
        let arrive = |limiter: &'a RateLimiter| limiter.arrive(cost, may_wait);
        let undo = |limiter: &'a RateLimiter, arrival: TurnAsked| limiter.undo(&arrival, cost);
        match self.ask(arrive, undo) {
            Some((of_key, arrival)) => of_key.instance().go_on_from(arrival, cost, || self.kept_key()),
            None => {
                let family = self.family;
                let limiter = family.overflow.get_or_init(|| Overflow::new(family)).of(&self.key);
                limiter.go_on_from(arrive(limiter), cost, || None)
            }
        }
    }
}

impl ByKey for RateLimiter {
    type Counted = RateLimiterCounts;

    fn by_key(&self) -> &OfKeys<Self> {
        &self.of_keys
    }

    fn max_keys(&self) -> u32 {
        self.settings.get().max_keys
    }

    fn like_this(&self) -> Self {
        Self::with(self.name(), self.settings.get(), self.emitter.clone(), OfKeys::of_an_instance())
    }

    /// Those that keys share among them.
    fn counted(&self) -> RateLimiterCounts {
        let mut counted = RateLimiterCounts {
            allowed: self.allowed.get(),
            waited: self.waited.get(),
            rejected: self.allowed.rejected(),
        };
        self.overflow().for_each(|shared| counted = counted.and(&shared.counted()));
        counted
    }

    fn put_for_key(&self, _: &mut Turn<'_>, keys: Option<RateLimitConfig>, all: &Self) -> u64 {
        let settings = keys.map_or_else(|| all.settings.get(), |keys| Arc::new(keys.resolve()));
        self.put_alone(&settings, measured_nanos());
        u64::MAX
    }

    /// One whose bucket is full and for which nobody waits.
    fn idle(&self, _: u64) -> Option<Idle> {
        self.turns.is_full(measured_nanos()).then_some(Idle { is_missed: false, since: 0 })
    }

    fn begin_anew(&self, _: u64) -> bool {
        self.turns.is_full_for_all(measured_nanos())
    }

    /// Whether there is no turn now.
    fn is_not_closed(&self) -> bool {
        let now = measured_nanos();
        self.turns.turn(now) > now
    }
}
