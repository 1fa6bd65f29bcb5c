//! One bulkhead and one rate limiter a key, by attribute and by hand: who gets one, who loses one, and that tenants do not harm each other.

use proptest::prelude::*;
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, BulkheadConfig, CircuitBreaker, Failure, Kind, OwnedPlace, Rate, RateLimitConfig, RateLimiter, Rejection,
    bulkhead, circuit_breaker, rate_limit, registry, retry, timeout,
};
use std::collections::HashMap;
use std::fmt::Display;
use std::net::Ipv6Addr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, advance, sleep};

const SECOND: Duration = Duration::from_secs(1);

fn pool(max_keys: u32) -> Bulkhead {
    Bulkhead::builder("pool").max_concurrent(1).max_keys(max_keys).build().unwrap()
}

fn api(max_keys: u32) -> RateLimiter {
    RateLimiter::builder("api").rate(Rate::per_second(1)).burst(2).max_keys(max_keys).build().unwrap()
}

#[bulkhead(name = "tenants: reports", max_concurrent = 1, key = (tenant, report.kind), max_keys = 8)]
async fn report(tenant: &str, report: Report, time: Duration) -> Result<u32, Rejection> {
    sleep(time).await;
    Ok(report.number)
}

/// Not `Copy`, and given to the body after the key has seen it.
struct Report {
    kind: String,
    number: u32,
}

fn weekly(number: u32) -> Report {
    Report { kind: "weekly, all".to_owned(), number }
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_bulkhead_of_its_own() {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe();
    let (one, other, again) = tokio::join!(
        report("acme", weekly(1), SECOND),
        report("globex", weekly(2), SECOND),
        report("acme", weekly(3), SECOND)
    );
    assert_eq!((one, other), (Ok(1), Ok(2)));
    let full = again.unwrap_err();
    assert_eq!(
        (full.name().as_str(), full.key().unwrap().to_string().as_str()),
        ("tenants: reports", r"acme, weekly\, all")
    );
    assert_eq!(full.to_string(), r"bulkhead `tenants: reports[acme, weekly\, all]` is full");
    let told = events.try_recv().unwrap();
    assert_eq!(told.key(), full.key());
    assert!(told.to_string().starts_with(r"bulkhead `tenants: reports[acme, weekly\, all]`: rejected"), "{told}");

    let reports = registry().bulkhead("tenants: reports").unwrap();
    let snapshot = reports.snapshot();
    assert_eq!((snapshot.admitted, snapshot.rejected, snapshot.inside, snapshot.keys.unwrap().held), (2, 1, 0, 2));
    let of_acme = reports.of_key(("acme", "weekly, all")).unwrap();
    assert_eq!((of_acme.snapshot().admitted, of_acme.snapshot().rejected), (1, 1));
    assert!(reports.of_key("acme, weekly, all").is_none(), "a text is no tuple");
    assert!(reports.of_key(full.key().unwrap()).is_some(), "a key is found as it is shown");
    assert_eq!(registry().recent_events(Kind::Bulkhead, "tenants: reports").len(), 1, "its rejections, as one");
}

#[retry(attempts = 2, delay = "1s", jitter = none)]
#[rate_limit("1/30s", burst = 10, name = "tenants: import", key = tenant, cost = rows, max_wait = "30s")]
async fn import(tenant: String, rows: u32) -> Result<String, Rejection> {
    Ok(tenant)
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_limiter_of_its_own_and_a_call_counts_as_what_it_costs() {
    let _entered = Scope::new().enter();
    let began = Instant::now();
    let call = |tenant: &str, rows| import(tenant.to_owned(), rows);
    assert_eq!(call("acme", 9).await, Ok("acme".to_owned()));
    assert_eq!(call("globex", 10).await, Ok("globex".to_owned()));
    assert_eq!(call("acme", 0).await, Ok("acme".to_owned()), "what costs nothing passes");
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(call("acme", 2).await, Ok("acme".to_owned()));
    assert_eq!(began.elapsed(), 30 * SECOND, "one was left, and one had to fall due");
    let never = call("acme", 11).await.unwrap_err();
    assert_eq!((never.key().unwrap().as_str(), never.retry_after()), ("acme", None));
    assert_eq!(
        never.to_string(),
        "rate limit `tenants: import[acme]` never lets this call pass: it costs more than `burst`"
    );
    assert_eq!(began.elapsed(), 30 * SECOND, "it was not tried again");
    let later = call("acme", 3).await.unwrap_err();
    assert_eq!((later.key().unwrap().as_str(), later.retry_after()), ("acme", Some(90 * SECOND)));
    let snapshot = registry().rate_limiter("tenants: import").unwrap().snapshot();
    assert_eq!((snapshot.allowed, snapshot.waited, snapshot.rejected), (3, 1, 2));
    assert_eq!(
        (snapshot.available, snapshot.keys.unwrap().held, snapshot.keys.unwrap().not_closed),
        (10, 2, 1),
        "one is full to a tenth"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_by_hand_waits_for_its_own_key_alone() {
    let (pool, api) = (pool(8), api(8));
    let _inside = pool.keyed("acme").try_acquire().unwrap();
    api.keyed("acme").try_acquire_many(2).unwrap();
    for (tenant, is_let_in) in [("acme", false), ("globex", true)] {
        let call = || async { Ok::<_, ()>(7) };
        for answer in [pool.keyed(tenant).call(call()).await, api.keyed(tenant).call(call()).await] {
            match answer {
                Ok(7) => assert!(is_let_in, "{tenant}"),
                Err(Failure::Rejected(rejection)) => {
                    assert_eq!((rejection.key().unwrap().as_str(), is_let_in), (tenant, false))
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(api.of_key(tenant).unwrap().snapshot().allowed, 1);
    }
}

/// Of a bulkhead those that are full, of a rate limiter those that have no turn now.
#[tokio::test(start_paused = true)]
async fn a_snapshot_says_how_many_keys_let_nobody_in_now() {
    let pool = Bulkhead::builder("pool").max_concurrent(2).build().unwrap();
    let not_closed = || pool.snapshot().keys.unwrap().not_closed;
    let places = [1, 2, 2, 3, 3].map(|key| pool.keyed(key).try_acquire().unwrap());
    assert_eq!(not_closed(), 2);
    pool.reconfigure(BulkheadConfig::new().max_concurrent(1).enabled(false)).unwrap();
    assert_eq!(not_closed(), 0, "turned off, it lets everybody in");
    pool.reconfigure(BulkheadConfig::new().max_concurrent(1)).unwrap();
    assert_eq!(not_closed(), 3);
    drop(places);
    assert_eq!(not_closed(), 0);

    let api = api(8);
    let not_closed = || api.snapshot().keys.unwrap().not_closed;
    for key in [1, 2, 2, 3, 3] {
        api.keyed(key).try_acquire().unwrap();
    }
    assert_eq!(not_closed(), 2);
    let config = RateLimitConfig::new().rate(Rate::per_second(1)).burst(2).max_keys(8);
    advance(SECOND - Duration::from_millis(1)).await;
    assert_eq!(not_closed(), 2);
    advance(Duration::from_millis(1)).await;
    assert_eq!(not_closed(), 0, "there is a turn from now on");
    api.keyed(1).try_acquire_many(2).unwrap();
    assert_eq!(not_closed(), 1);
    api.reconfigure(config.enabled(false)).unwrap();
    assert_eq!(not_closed(), 0, "turned off, it lets everybody pass");
}

struct Batch {
    rows: u32,
}

#[rate_limit("1/30s", burst = 10, name = "tenants: batch", cost = rows)]
async fn import_batch(Batch { rows }: &Batch) -> Result<u32, Rejection> {
    Ok(*rows)
}

/// What comes of a pattern is a reference.
#[tokio::test(start_paused = true)]
async fn what_a_call_costs_may_come_out_of_a_pattern() {
    let _entered = Scope::new().enter();
    assert_eq!(import_batch(&Batch { rows: 9 }).await, Ok(9));
    let refused = import_batch(&Batch { rows: 3 }).await.unwrap_err();
    assert_eq!(refused.retry_after(), Some(60 * SECOND), "one is left of the three");
    assert_eq!(import_batch(&Batch { rows: 1 }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_gives_all_that_it_costs_back() {
    let limiter = RateLimiter::builder("r").rate(Rate::per_second(1)).burst(5).max_wait(60 * SECOND).build().unwrap();
    limiter.try_acquire_many(5).unwrap();
    let dear = tokio::time::timeout(SECOND / 2, limiter.acquire_many(5));
    let cheap = async {
        tokio::task::yield_now().await;
        let began = Instant::now();
        limiter.acquire_many(1).await.unwrap();
        began.elapsed()
    };
    let (cancelled, waited) = tokio::join!(dear, cheap);
    assert!(cancelled.is_err());
    assert_eq!((waited, limiter.snapshot().waiting), (SECOND, 0));
    // What waits and costs more than another configuration's burst has no turn any more.
    let waits = limiter.acquire_many(4);
    let change = async {
        tokio::task::yield_now().await;
        limiter.reconfigure(RateLimitConfig::new().rate(Rate::per_second(1)).burst(3).max_wait(60 * SECOND)).unwrap();
    };
    let (refused, ()) = tokio::join!(waits, change);
    assert_eq!(refused.unwrap_err().retry_after(), None);
}

#[tokio::test(start_paused = true)]
async fn the_longest_unused_empty_bulkhead_goes_first_and_none_in_which_somebody_is() {
    let pool = pool(2);
    let inside = pool.keyed("busy").try_acquire().unwrap();
    drop(pool.keyed("old").try_acquire().unwrap());
    advance(2 * SECOND).await;
    drop(pool.keyed("new").try_acquire().unwrap());
    assert!(pool.of_key("busy").is_some() && pool.of_key("old").is_none());
    let held = pool.keyed("new").try_acquire().unwrap();
    // None is empty: these share one.
    let shared = pool.keyed("third").try_acquire().unwrap();
    assert_eq!(
        pool.keyed("fourth").try_acquire().unwrap_err(),
        Rejection::BulkheadFull { name: "pool".into(), key: None }
    );
    let counts = pool.snapshot().keys.unwrap();
    assert_eq!((counts.held, counts.not_closed, counts.evicted, counts.overflowed), (2, 2, 1, 2));
    assert_eq!(pool.snapshot().inside, 3);
    drop((inside, held, shared));
    drop(pool.keyed("third").try_acquire().unwrap());
    assert_eq!(pool.snapshot().keys.unwrap().evicted, 2);
    let totals = pool.snapshot();
    assert_eq!((totals.admitted, totals.rejected), (6, 1));
    assert_eq!(pool.of_key("third").unwrap().snapshot().admitted, 1, "what its slot has counted before is not its own");
}

#[tokio::test(start_paused = true)]
async fn of_what_is_turned_off_no_key_is_full() {
    let (pool, api) = (pool(2), api(2));
    let _inside = pool.keyed("acme").try_acquire().unwrap();
    (0..2).for_each(|_| api.keyed("acme").try_acquire().unwrap());
    let full = || [pool.snapshot().keys, api.snapshot().keys].map(|keys| keys.unwrap().not_closed);
    assert_eq!(full(), [1, 1]);
    pool.reconfigure(BulkheadConfig::new().max_concurrent(1).enabled(false)).unwrap();
    api.reconfigure(RateLimitConfig::new().rate(Rate::per_second(1)).burst(2).enabled(false)).unwrap();
    assert_eq!(full(), [0, 0]);
    assert!(pool.keyed("acme").try_acquire().is_ok() && api.keyed("acme").try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn another_configuration_is_one_for_all_keys_and_lets_in_who_waits() {
    let pool = Bulkhead::builder("pool").max_concurrent(1).max_queue(2).build().unwrap();
    let _inside = ["a", "b"].map(|key| pool.keyed(key).try_acquire().unwrap());
    let change = async {
        tokio::task::yield_now().await;
        assert_eq!(pool.snapshot().waiting, 2);
        pool.reconfigure(BulkheadConfig::new().max_concurrent(2).max_queue(2)).unwrap();
    };
    let (a, b, ()) = tokio::join!(pool.keyed("a").acquire(), pool.keyed("b").acquire(), change);
    assert!(a.is_ok() && b.is_ok());
    assert!(pool.keyed("a").try_acquire().is_err());
    let both = [pool.keyed("c").try_acquire(), pool.keyed("c").try_acquire()];
    assert!(both.iter().all(Result::is_ok), "one that comes now has it too");
    assert_eq!(pool.of_key("a").unwrap().snapshot().max_concurrent, 2);
}

#[test]
fn a_line_for_one_key_makes_no_place_for_anybody_else() {
    let _entered = Scope::new().enter();
    let pool = Bulkhead::builder("tenants: lines").max_concurrent(1).max_queue(1).register().unwrap();
    let _inside = [pool.keyed("acme"), pool.keyed("globex")].map(|key| key.try_acquire().unwrap());
    let _own = pool.try_acquire().unwrap();
    registry().configure_from_str("[bulkhead.\"tenants: lines\".key.acme]\nmax_concurrent = 2").unwrap();
    let _second = pool.keyed("acme").try_acquire().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(pool.acquire()).poll(&mut context).is_pending());
    for tenant in ["acme", "globex"] {
        assert!(pin!(pool.keyed(tenant).acquire()).poll(&mut context).is_pending(), "{tenant}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_after_its_wait_is_named() {
    let pool = Bulkhead::builder("pool").max_concurrent(1).max_queue(1).max_wait(SECOND).build().unwrap();
    let _inside = pool.keyed(7).try_acquire().unwrap();
    let Err(Failure::Rejected(refused)) = pool.keyed(7).call(async { Ok::<_, ()>(1) }).await else {
        panic!("it is full")
    };
    assert_eq!(refused, Rejection::BulkheadFull { name: "pool".into(), key: Some("7".into()) });
    assert_eq!(pool.keyed(8).call(async { Ok::<_, ()>(1) }).await, Ok(1));
}

/// A bucket that is given away is full, so a key gets it back as it was.
#[tokio::test(start_paused = true)]
async fn where_no_bucket_is_full_keys_share_64() {
    let api = api(2);
    for key in 0..1000 {
        let _ = api.keyed(key).try_acquire();
    }
    let counts = api.snapshot().keys.unwrap();
    assert_eq!((counts.held, counts.evicted, counts.overflowed), (2, 0, 998));
    let snapshot = api.snapshot();
    assert!(
        (2 + 64..=2 + 2 * 64).contains(&snapshot.allowed),
        "of 64, each with a burst of 2, nearly all: {}",
        snapshot.allowed
    );
    assert_eq!(snapshot.allowed + snapshot.rejected, 1000);
    advance(3 * SECOND).await;
    api.keyed("new").try_acquire().unwrap();
    assert_eq!(api.snapshot().keys.unwrap().evicted, 1);
}

#[tokio::test(start_paused = true)]
async fn another_rate_is_one_for_all_keys_and_for_those_that_share_and_wakes_who_waits() {
    let config = RateLimitConfig::new().burst(1).max_wait(3600 * SECOND).max_keys(1);
    let api = RateLimiter::builder("api").config(config.rate(Rate::per_hour(1))).build().unwrap();
    for key in ["own", "shares"] {
        api.keyed(key).try_acquire().unwrap();
    }
    assert_eq!(api.snapshot().keys.unwrap().overflowed, 1);
    let began = Instant::now();
    let change = async {
        sleep(SECOND).await;
        assert_eq!(api.snapshot().waiting, 2);
        api.reconfigure(config.rate(Rate::per_second(10))).unwrap();
    };
    let (own, shares, ()) = tokio::join!(api.keyed("own").acquire(), api.keyed("shares").acquire(), change);
    assert_eq!((own, shares), (Ok(()), Ok(())));
    assert!(began.elapsed() <= SECOND * 11 / 10, "a turn of the new rate at most: {:?}", began.elapsed());
    for key in ["own", "shares"] {
        api.keyed(key).acquire().await.unwrap();
    }
    assert!(began.elapsed() <= SECOND * 13 / 10, "{:?}", began.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With a plain list of what passed and when for the reference: no key is let through more than its bound allows in any window, nor refused where it allows it,
    /// whatever is evicted meanwhile.
    #[test]
    fn each_key_has_its_bound_whatever_is_evicted(
        steps in prop::collection::vec((0..5_u8, 0..5_u32, prop_oneof![Just(0), 0..3000_u64]), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            const BURST: u64 = 3;
            let limiter = RateLimiter::builder("r").rate(Rate::per_second(1)).burst(BURST as u32).max_keys(3).build().unwrap();
            let (began, mut passed) = (Instant::now(), HashMap::<u8, Vec<(u64, u64)>>::new());
            for (key, cost, millis) in steps {
                advance(Duration::from_millis(millis)).await;
                let overflowed = || limiter.snapshot().keys.map_or(0, |keys| keys.overflowed);
                let before = overflowed();
                let result = limiter.keyed(key).try_acquire_many(cost);
                if overflowed() > before {
                    continue;
                }
                let (now, cost) = (began.elapsed().as_millis() as u64, u64::from(cost));
                let of_key = passed.entry(key).or_default();
                // In every window that ends now: so much in milliseconds' worth.
                let fits = cost == 0 || (0..=of_key.len()).all(|from| {
                    let (since, spent) = (of_key.get(from).map_or(now, |(at, _)| *at), of_key[from..].iter().map(|(_, cost)| cost).sum::<u64>());
                    (spent + cost) * 1000 <= BURST * 1000 + (now - since)
                });
                assert_eq!(result.is_ok(), fits, "{key} at {now} ms for {cost}: {of_key:?}, {result:?}");
                if cost > BURST {
                    assert_eq!(result.unwrap_err().retry_after(), None);
                } else if result.is_ok() && cost > 0 {
                    of_key.push((now, cost));
                }
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// With how many are inside of each key for the reference: a key is let in exactly while fewer are inside than it may have, whatever is evicted meanwhile, and those that
    /// share a bulkhead while fewer of them together are.
    #[test]
    fn each_key_has_its_places_whatever_is_evicted(
        steps in prop::collection::vec((0..6_u8, any::<prop::sample::Index>(), any::<bool>(), 0..1500_u64), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            const PLACES: usize = 2;
            let pool = Bulkhead::builder("pool").max_concurrent(PLACES as u32).max_keys(3).build().unwrap();
            let pool = Arc::new(pool);
            // Of which key, or of none of its own.
            let mut inside: Vec<(Option<u8>, OwnedPlace)> = Vec::new();
            for (key, nth, leaves, millis) in steps {
                advance(Duration::from_millis(millis)).await;
                if leaves && !inside.is_empty() {
                    drop(inside.swap_remove(nth.index(inside.len())));
                    continue;
                }
                let overflowed = || pool.snapshot().keys.map_or(0, |keys| keys.overflowed);
                let before = overflowed();
                let result = pool.try_acquire_owned_for(key);
                let whose = (overflowed() == before).then_some(key);
                let others = inside.iter().filter(|(of, _)| *of == whose).count();
                assert_eq!(result.is_ok(), others < PLACES, "{key} of {inside:?}: {result:?}");
                match result {
                    Ok(place) => inside.push((whose, place)),
                    Err(full) => assert_eq!(full.key().map(ToString::to_string), whose.map(|key| key.to_string())),
                }
                let busy = inside.iter().filter_map(|(of, _)| *of);
                assert!(busy.into_iter().all(|key| pool.of_key(key).is_some()), "nobody loses it who is inside");
                let snapshot = pool.snapshot();
                assert_eq!((snapshot.inside, snapshot.keys.unwrap().held <= 3), (inside.len() as u64, true));
            }
        });
    }
}

/// Ten connections, of which each holds what asks for it until it is served.
#[derive(Clone)]
struct Connections(Arc<Semaphore>);

impl Connections {
    async fn query(&self, locked: bool) {
        let _connection = self.0.acquire().await.unwrap();
        sleep(if locked { 3600 * SECOND } else { SECOND / 100 }).await;
    }
}

#[circuit_breaker("tenants: breaker", key = tenant, consecutive_failures = 3, window = none)]
#[bulkhead(max_concurrent = 2, max_queue = 4, max_wait = "500ms", key = tenant)]
#[timeout("500ms")]
async fn query(connections: &Connections, tenant: usize, locked: bool) -> Result<(), Rejection> {
    connections.query(locked).await;
    Ok(())
}

/// How long the calls of the first six of eight tenants take, of whom the last two are locked or not; and how many of the six fail or do not come to an end. Without the policies
/// that guard it, two tenants have more callers than there are connections.
async fn serve(locked: bool, guarded: bool) -> (Vec<Duration>, usize) {
    let connections = Connections(Arc::new(Semaphore::new(10)));
    let mut callers = Vec::new();
    for caller in 0..8 * 6_u32 {
        let (connections, tenant) = (connections.clone(), caller as usize % 8);
        let (served, locked) = (tenant < 6, locked && tenant >= 6);
        let calls = async move {
            sleep(caller * SECOND / 100).await;
            let (mut times, mut failed) = (Vec::new(), 0);
            for _ in 0..100 {
                let began = Instant::now();
                let result = match guarded {
                    true => query(&connections, tenant, locked).await.is_ok(),
                    false if served => tokio::time::timeout(60 * SECOND, connections.query(false)).await.is_ok(),
                    false => {
                        connections.query(locked).await;
                        true
                    }
                };
                times.push(began.elapsed());
                failed += usize::from(!result);
                sleep(SECOND / 5).await;
            }
            (times, failed)
        };
        callers.push((served, tokio::spawn(calls)));
    }
    let (mut times, mut failures) = (Vec::new(), 0);
    for (served, caller) in callers {
        if served {
            let (of_caller, failed) = caller.await.unwrap();
            times.extend(of_caller);
            failures += failed;
        } else {
            caller.abort();
        }
    }
    times.sort_unstable();
    (times, failures)
}

/// Over real connections to a real database: `tests/integrations/tests/tenants.rs`.
#[tokio::test(start_paused = true)]
async fn of_eight_tenants_on_one_pool_two_are_locked_and_six_do_not_feel_it() {
    let p99 = |times: &[Duration]| times[times.len() * 99 / 100];
    let (calm, failed) = serve(false, true).await;
    assert_eq!(failed, 0);
    let (troubled, failed) = serve(true, true).await;
    assert_eq!(failed, 0, "six answer throughout");
    assert!(p99(&troubled) <= 2 * p99(&calm), "{:?} in place of {:?}", p99(&troubled), p99(&calm));
    let breaker = registry().circuit_breaker("tenants: breaker").unwrap();
    let open: Vec<_> = breaker.of_keys().into_iter().filter(|key| key.snapshot().totals.rejected > 0).collect();
    let open: Vec<_> = open.iter().map(|breaker| breaker.key().unwrap().to_string()).collect();
    assert_eq!(open, ["6", "7"]);
    let (_, failed) = serve(true, false).await;
    assert!(failed > 0, "without policies nobody is served");
}

/// What the documentation says of the memory that a held key takes.
#[test]
fn an_instance_takes_less_than_a_kibibyte() {
    assert!(size_of::<Bulkhead>() <= 768, "{}", size_of::<Bulkhead>());
    assert!(size_of::<RateLimiter>() <= 768, "{}", size_of::<RateLimiter>());
}

const MAX_KEYS: u32 = 1000;
/// Without optimisation as many as take a few seconds.
const KEYS: u32 = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };

/// Keys of every sort, a thousand at a time: numbers, texts that look like others, control characters, 1,024 addresses of one network, and texts of a megabyte.
struct Flood {
    megabyte: String,
    nth: u32,
}

impl Flood {
    fn new() -> Self {
        Self { megabyte: "x".repeat(1 << 20), nth: 0 }
    }

    fn next_thousand(&mut self, mut ask: impl FnMut(&dyn Display)) -> bool {
        for nth in self.nth..self.nth + 1000 {
            let address = |nth: u32| Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(nth));
            match nth % 4 {
                0 => ask(&nth),
                1 => ask(&format_args!("\u{1b}[2J\r\nmine]{nth}")),
                2 => ask(&address(nth % 1024)),
                _ if nth % 10_000 == 3 => ask(&format_args!("{}{nth}", self.megabyte)),
                _ => ask(&format_args!("mine, {nth}")),
            }
        }
        self.nth += 1000;
        self.nth < KEYS
    }
}

#[tokio::test(start_paused = true)]
async fn a_million_keys_harm_no_breaker() {
    let breaker = CircuitBreaker::builder("flooded").consecutive_failures(3).max_keys(MAX_KEYS).build().unwrap();
    let fail = |key: &dyn Display| breaker.keyed(key).try_acquire().map(|permit| permit.failure());
    (0..3).for_each(|_| fail(&"open").unwrap());
    (0..2).for_each(|_| fail(&"nearly").unwrap());
    let mut flood = Flood::new();
    while flood.next_thousand(|key| breaker.keyed(key).try_acquire().unwrap().success()) {}
    assert!(breaker.keyed("open").try_acquire().is_err(), "it is as open as it was");
    fail(&"nearly").unwrap();
    assert!(fail(&"nearly").is_err(), "its failures are not forgotten for keys that are well");
    let counts = breaker.snapshot().keys.unwrap();
    assert_eq!((counts.held, counts.not_closed), (u64::from(MAX_KEYS), 2), "{counts:?}");
    assert_eq!(counts.overflowed, u64::from(KEYS / 10_000), "those that are too long");
    assert_eq!(breaker.totals().successes, u64::from(KEYS));

    // A thousand that fail take all that there are. Whoever comes then shares what rejects nobody.
    let mut flood = Flood::new();
    for _ in 0..10 {
        flood.next_thousand(|key| (0..3).for_each(|_| _ = fail(key)));
    }
    assert_eq!(breaker.snapshot().keys.unwrap().not_closed, u64::from(MAX_KEYS));
    assert!((0..100).all(|new| breaker.keyed(("new", new)).try_acquire().is_ok()));
}

#[tokio::test(start_paused = true)]
async fn a_million_keys_harm_no_bulkhead() {
    let pool = Arc::new(pool(MAX_KEYS));
    let inside = pool.keyed("mine").try_acquire().unwrap();
    let mut flood = Flood::new();
    while flood.next_thousand(|key| drop(pool.keyed(key).try_acquire().unwrap())) {
        assert!(pool.keyed("mine").try_acquire().is_err(), "it is as full as it was");
        drop(pool.keyed("another").try_acquire().unwrap());
    }
    let counts = pool.snapshot().keys.unwrap();
    assert_eq!((counts.held, counts.not_closed), (u64::from(MAX_KEYS), 1), "{counts:?}");
    assert_eq!(counts.overflowed, u64::from(KEYS / 10_000), "those that are too long");

    // More addresses than there may be keys, and none of them leaves: one that is there has its place when it is free.
    let mut held = Vec::new();
    Flood::new().next_thousand(|key| held.extend(pool.try_acquire_owned_for(key)));
    (0..1024_u32).for_each(|nth| held.extend(pool.try_acquire_owned_for(("address", nth))));
    assert_eq!(held.len(), MAX_KEYS as usize, "{:?}", pool.snapshot());
    drop(inside);
    assert!(pool.keyed("mine").try_acquire().is_ok());
    drop(held);
    assert!((0..100).all(|new| pool.keyed(("new", new)).try_acquire().is_ok()));
}

/// At one a second with a burst of two: whatever others do, the second of two that were spent passes once a second.
#[tokio::test(start_paused = true)]
async fn a_million_keys_harm_no_limiter() {
    let api = api(MAX_KEYS);
    let mine = || api.keyed("mine").try_acquire().is_ok();
    assert_eq!((mine(), mine(), mine()), (true, true, false));
    let mut flood = Flood::new();
    // With all of them used up, and then with others that are full again.
    for millis in [0, 1000] {
        flood.nth = 0;
        while flood.next_thousand(|key| _ = api.keyed(key).try_acquire()) {
            advance(Duration::from_millis(millis)).await;
            assert_eq!((mine(), mine()), (millis == 1000, false), "after {} keys", flood.nth);
        }
    }
    let (counts, many) = (api.snapshot().keys.unwrap(), u64::from(KEYS / 10));
    assert_eq!(counts.held, u64::from(MAX_KEYS));
    assert!(counts.evicted > many && counts.overflowed > many, "{counts:?}");
}
