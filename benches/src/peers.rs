//! The peers, each in its own best configuration: set up as its documentation says for a service that is called often, everything that can be
//! made beforehand made beforehand, and its cheapest way of calling an async function.

use crate::contest::{Contestant, calls, of_tasks, tasks};
use crate::subject::{Failed, bare, failing, failing_1_percent, succeeding};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tower::{Service, ServiceExt};

const HOUR: Duration = Duration::from_secs(3600);
const WINDOW: Duration = Duration::from_secs(10);

/// The contestants of a case.
pub(crate) fn of(case: &str) -> Vec<Contestant> {
    match case {
        "closed" => breakers(succeeding),
        "1 % errors" => breakers(failing_1_percent),
        // They open in the first calls, before anything is timed; all but one, whose average has to sink for seconds.
        "open" => breakers(failing).into_iter().filter(|peer| peer.who != "failsafe, time window").collect(),
        "half-open: a probe" => vec![nobreak_probing()],
        "retry" => {
            vec![backon(), calls!("backon-macros", |call| by_attribute(call).await), seatbelt_retry(), tower_retry()]
        }
        "timeout" => vec![
            calls!("tokio::time::timeout", |call| tokio::time::timeout(Duration::from_secs(1), bare(call)).await),
            tower_timeout(),
            seatbelt_timeout(),
        ],
        "bulkhead" => vec![semaphore(1, "tokio::sync::Semaphore"), tower_limit()],
        "bulkhead, full" => vec![semaphore(0, "tokio::sync::Semaphore")],
        "rate limit" => vec![governor(), tower_rate()],
        "rate limit, refused" => vec![governor_refusing()],
        "stack" => vec![tower_stack()],
        "two workers" => on_two_workers(),
        _ => Vec::new(),
    }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

type Input = fn(u64) -> u64;

pub(crate) fn recloser() -> recloser::AsyncRecloser {
    recloser::Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build().into()
}

pub(crate) fn nobreak() -> nobreak::CircuitBreaker {
    nobreak::builder().with_failure_threshold(5).with_open_duration(HOUR).build()
}

type Row = failsafe::failure_policy::ConsecutiveFailures<failsafe::backoff::Constant>;
type Rate = failsafe::failure_policy::SuccessRateOverTimeWindow<failsafe::backoff::Constant>;

pub(crate) fn failsafe_row() -> failsafe::StateMachine<Row, ()> {
    let policy = failsafe::failure_policy::consecutive_failures(5, failsafe::backoff::constant(HOUR));
    failsafe::Config::new().failure_policy(policy).build()
}

pub(crate) fn failsafe_rate() -> failsafe::StateMachine<Rate, ()> {
    let constant = failsafe::backoff::constant(HOUR);
    let policy = failsafe::failure_policy::success_rate_over_time_window(0.5, 20, WINDOW, constant);
    failsafe::Config::new().failure_policy(policy).build()
}

pub(crate) fn circuitbreaker_rs() -> circuitbreaker_rs::CircuitBreaker<circuitbreaker_rs::DefaultPolicy, Failed> {
    circuitbreaker_rs::CircuitBreaker::<circuitbreaker_rs::DefaultPolicy, Failed>::builder()
        .failure_threshold(0.5)
        .min_throughput(20)
        .cooldown(HOUR)
        .build()
}

/// By calls: its time window keeps every call of the window and reads all of them at each, thousands of nanoseconds.
pub(crate) fn tower_resilience()
-> impl Service<u64, Response = u64, Error: std::fmt::Debug, Future: Send> + Clone + Send + Sync + 'static {
    let layer = tower_resilience_circuitbreaker::CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100)
        .wait_duration_in_open(HOUR)
        .build()
        .expect("a sound configuration");
    tower::Layer::layer(&layer, tower::service_fn(bare))
}

fn sentinel(who: &str, input: Input) -> Contestant {
    use sentinel_core::circuitbreaker::{BreakerStrategy, Rule, load_rules_of_resource};
    sentinel_core::init_default().expect("its defaults");
    let resource = format!("bench {who}");
    let rule = Rule {
        resource: resource.clone(),
        strategy: BreakerStrategy::ErrorRatio,
        retry_timeout_ms: 3_600_000,
        min_request_amount: 20,
        stat_interval_ms: 10_000,
        stat_sliding_window_bucket_count: 10,
        threshold: 0.5,
        ..Rule::default()
    };
    load_rules_of_resource(&resource, vec![Arc::new(rule)]).expect("a sound rule");
    calls!(who, input, |call| {
        match sentinel_core::EntryBuilder::new(resource.clone()).build() {
            Ok(entry) => {
                let result = bare(call).await;
                if let Err(error) = &result {
                    sentinel_core::trace_error(&entry, sentinel_core::Error::new(*error));
                }
                entry.exit();
                result.map_err(Some)
            }
            Err(_) => Err(None),
        }
    })
}

fn breakers(input: Input) -> Vec<Contestant> {
    use failsafe::futures::CircuitBreaker;
    let (recloser, nobreak, circuitbreaker_rs) = (recloser(), nobreak(), circuitbreaker_rs());
    let (failsafe_row, failsafe_rate, mut tower_resilience) = (failsafe_row(), failsafe_rate(), tower_resilience());
    vec![
        calls!("nobreak", input, |call| nobreak.call_async(|| bare(call)).await),
        calls!("recloser", input, |call| recloser.call(bare(call)).await),
        calls!("failsafe, consecutive", input, |call| failsafe_row.call(bare(call)).await),
        calls!("failsafe, time window", input, |call| failsafe_rate.call(bare(call)).await),
        calls!("circuitbreaker-rs", input, |call| circuitbreaker_rs.call_async(|| bare(call)).await),
        calls!("tower-resilience", input, |call| tower_resilience.ready().await.expect("ready").call(call).await),
        seatbelt_breaker(input),
        Contestant::made_late("sentinel-core", move || sentinel("sentinel-core", input)),
    ]
}

/// Half-open until so many successes: each call is a probe.
fn nobreak_probing() -> Contestant {
    let nobreak = nobreak::builder()
        .with_failure_threshold(1)
        .with_success_threshold(usize::MAX)
        .with_open_duration(Duration::ZERO)
        .build();
    let _ = crate::contest::current_thread().block_on(nobreak.call_async(|| bare(failing(0))));
    calls!("nobreak", |call| nobreak.call_async(|| bare(call)).await)
}

fn backon() -> Contestant {
    use backon::Retryable;
    let backoff = backon::ExponentialBuilder::default().with_max_times(2);
    calls!("backon", |call| (|| bare(call)).retry(backoff).await)
}

fn two_more() -> backon::ExponentialBuilder {
    backon::ExponentialBuilder::default().with_max_times(2)
}

#[backon_macros::backon(backoff = two_more)]
async fn by_attribute(call: u64) -> Result<u64, Failed> {
    bare(call).await
}

/// Its clock keeps its timers in a task of a runtime, in which it has to be made.
fn seatbelt_context<In, Out>() -> seatbelt::ResilienceContext<In, Out> {
    let _inside = leak(crate::contest::current_thread()).enter();
    seatbelt::ResilienceContext::new(tick::Clock::new_tokio())
}

type Output = Result<u64, Failed>;

fn seatbelt_recovers(output: &Output) -> seatbelt::RecoveryInfo {
    match output {
        Ok(_) => seatbelt::RecoveryInfo::never(),
        Err(_) => seatbelt::RecoveryInfo::retry(),
    }
}

fn seatbelt_breaker(input: Input) -> Contestant {
    use layered::{Execute, Service as _, Stack as _};
    let layer = seatbelt::breaker::Breaker::layer("bench", &seatbelt_context::<u64, Output>())
        .recovery_with(|output, _| seatbelt_recovers(output))
        .rejected_input_error(|_, _| Failed)
        .failure_threshold(0.5)
        .min_throughput(20)
        .sampling_duration(WINDOW)
        .break_duration(HOUR);
    let service = (layer, Execute::new(bare)).into_service();
    calls!("seatbelt", input, |call| service.execute(call).await)
}

fn seatbelt_retry() -> Contestant {
    use layered::{Execute, Service as _, Stack as _};
    let layer = seatbelt::retry::Retry::layer("bench", &seatbelt_context::<u64, Output>())
        .clone_input()
        .max_retry_attempts(2)
        .recovery_with(|output, _| seatbelt_recovers(output));
    let service = (layer, Execute::new(bare)).into_service();
    calls!("seatbelt", |call| service.execute(call).await)
}

fn seatbelt_timeout() -> Contestant {
    use layered::{Execute, Service as _, Stack as _};
    let layer = seatbelt::timeout::Timeout::layer("bench", &seatbelt_context::<u64, Output>())
        .timeout_error(|_| Failed)
        .timeout(Duration::from_secs(1));
    let service = (layer, Execute::new(bare)).into_service();
    calls!("seatbelt", |call| service.execute(call).await)
}

/// tower's policy: another try for every error, three at most.
#[derive(Clone)]
struct Thrice(u32);

impl tower::retry::Policy<u64, u64, Failed> for Thrice {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<u64, Failed>) -> Option<Self::Future> {
        (result.is_err() && self.0 > 0).then(|| {
            self.0 -= 1;
            std::future::ready(())
        })
    }

    fn clone_request(&mut self, call: &u64) -> Option<u64> {
        Some(*call)
    }
}

/// The same, for the errors of a stack.
impl tower::retry::Policy<u64, u64, tower::BoxError> for Thrice {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<u64, tower::BoxError>) -> Option<Self::Future> {
        (result.is_err() && self.0 > 0).then(|| {
            self.0 -= 1;
            std::future::ready(())
        })
    }

    fn clone_request(&mut self, call: &u64) -> Option<u64> {
        Some(*call)
    }
}

fn tower_retry() -> Contestant {
    let mut service = tower::ServiceBuilder::new().retry(Thrice(2)).service_fn(bare);
    calls!("tower", |call| service.ready().await.expect("ready").call(call).await)
}

fn tower_timeout() -> Contestant {
    let mut service = tower::ServiceBuilder::new().timeout(Duration::from_secs(1)).service_fn(bare);
    calls!("tower", |call| service.ready().await.expect("ready").call(call).await)
}

fn tower_limit() -> Contestant {
    let mut service = tower::ServiceBuilder::new().concurrency_limit(25).service_fn(bare);
    calls!("tower", |call| service.ready().await.expect("ready").call(call).await)
}

fn tower_rate() -> Contestant {
    // It makes its timer when it is built.
    let _inside = leak(crate::contest::current_thread()).enter();
    let mut service = tower::ServiceBuilder::new().rate_limit(u64::MAX, Duration::from_secs(1)).service_fn(bare);
    calls!("tower", |call| service.ready().await.expect("ready").call(call).await)
}

fn tower_stack() -> Contestant {
    let mut service = tower::ServiceBuilder::new()
        .retry(Thrice(2))
        .concurrency_limit(25)
        .timeout(Duration::from_secs(1))
        .service_fn(bare);
    calls!("tower: retry, limit, timeout", |call| service.ready().await.expect("ready").call(call).await)
}

fn semaphore(places: usize, who: &str) -> Contestant {
    let semaphore = tokio::sync::Semaphore::new(places);
    calls!(who, |call| match semaphore.try_acquire() {
        Ok(_place) => Some(bare(call).await),
        Err(_) => None,
    })
}

fn limiter(quota: governor::Quota, who: &str) -> Contestant {
    let limiter = governor::RateLimiter::direct(quota);
    calls!(who, |call| match limiter.check() {
        Ok(()) => Ok(bare(call).await),
        Err(not_until) => Err(not_until),
    })
}

fn governor() -> Contestant {
    limiter(governor::Quota::per_second(NonZeroU32::new(1_000_000_000).expect("not zero")), "governor")
}

fn governor_refusing() -> Contestant {
    limiter(governor::Quota::per_hour(NonZeroU32::MIN), "governor")
}

fn on_two_workers() -> Vec<Contestant> {
    use failsafe::futures::CircuitBreaker;
    let (recloser, nobreak) = (leak(recloser()), leak(nobreak()));
    let (circuitbreaker_rs, failsafe_row) = (leak(circuitbreaker_rs()), leak(failsafe_row()));
    let failsafe_rate = leak(failsafe_rate());
    [1, 2]
        .into_iter()
        .flat_map(|count| {
            let who = |peer: &str| of_tasks(peer, count);
            [
                tasks!(who("nobreak"), count, succeeding, |call| nobreak.call_async(|| bare(call)).await),
                tasks!(who("recloser"), count, succeeding, |call| recloser.call(bare(call)).await),
                tasks!(who("failsafe, consecutive"), count, succeeding, |call| failsafe_row.call(bare(call)).await),
                tasks!(who("failsafe, time window"), count, succeeding, |call| failsafe_rate.call(bare(call)).await),
                tasks!(who("circuitbreaker-rs"), count, succeeding, |call| {
                    circuitbreaker_rs.call_async(|| bare(call)).await
                }),
            ]
        })
        .collect()
}

/// Bytes that a breaker of each peer takes from the allocator, or is.
pub(crate) fn bytes_a_breaker() -> Vec<(&'static str, u64)> {
    use crate::allocator::bytes_of;
    vec![
        ("nobreak", bytes_of(nobreak)),
        ("recloser", bytes_of(recloser)),
        ("failsafe, consecutive", bytes_of(failsafe_row)),
        ("failsafe, time window", bytes_of(failsafe_rate)),
        ("circuitbreaker-rs", bytes_of(circuitbreaker_rs)),
        ("tower-resilience", bytes_of(tower_resilience)),
    ]
}
