//! The attribute macros of `resilience-runtime`. Depend on that crate, which re-exports them: the generated code names its
//! items.
//!
//! Expansion has three phases. Each sees only what the one before it made:
//!
//! ```text
//! tokens -> syntax -> model -> expand -> tokens
//! ```
//!
//! - `syntax` reads what is written: a function, a list of keys and values, a duration.
//! - `model` decides what it means: which keys a policy has, and every reason to refuse something.
//! - `expand` generates code, and refuses nothing.
//!
//! `pipeline` runs them. When one of them fails, `recover` re-emits the function as it was written. A language server is given that
//! in any case, with a statement that names what the attributes do.

mod error;
mod expand;
mod model;
mod pipeline;
mod recover;
mod syntax;

use proc_macro::TokenStream;

use syntax::Kind;

/// Stops calling what keeps failing.
///
/// While calls succeed, nothing changes. When too many of them fail, the breaker opens and rejects every call at once, for
/// [`open_for`](#keys). Then it lets a few probes through, which decide whether it closes or opens again.
///
/// ```
/// use resilience_runtime::{Rejection, circuit_breaker};
///
/// #[derive(Debug, thiserror::Error)]
/// enum PaymentError {
///     #[error("the card was declined")]
///     Declined,
///     #[error("the bank does not answer")]
///     Unreachable,
///     #[error(transparent)]
///     Rejected(#[from] Rejection),
/// }
///
/// impl PaymentError {
///     fn is_the_customers(&self) -> bool {
///         matches!(self, Self::Declined)
///     }
/// }
///
/// #[circuit_breaker("payment", failure_rate = 50, open_for = "30s", ignore_if = PaymentError::is_the_customers)]
/// async fn charge(cents: u64) -> Result<String, PaymentError> {
///     match cents {
///         0 => Err(PaymentError::Unreachable),
///         1000.. => Err(PaymentError::Declined),
///         cents => Ok(format!("paid {cents}")),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(charge(7).await.unwrap(), "paid 7");
/// assert!(matches!(charge(7000).await, Err(PaymentError::Declined)));
/// # }
/// ```
///
/// # What it can guard
///
/// Anything that returns a `Result<T, E>`, under any alias: a function, an inherent method or a trait's method, with any receiver, generics,
/// lifetimes, patterns and `impl Trait`. The signature does not change. `?` and `return` leave the body, not the breaker.
///
/// | written | what is guarded |
/// |---|---|
/// | `async fn` | the body |
/// | an `async fn` below `#[async_trait]` | the body, in the box that async_trait makes anyway |
/// | `fn … -> impl Future<Output = Result<T, E>>` that ends in `async { … }`, `fn … -> Pin<Box<dyn Future<…>>>` or `-> BoxFuture<'_, Result<T, E>>` that ends in `Box::pin(async { … })` | the block at the end. What comes before it runs once, as written, when the function is called, and [`macro@retry`] is refused where there is such |
/// | `fn` | the body, on the caller's thread. There is no [`macro@timeout`] and no waiting for a permit or a turn. A [`macro@retry`] blocks the thread between attempts, and a [`macro@fallback`] cannot be async |
///
/// If the runtime crate has another name (`package = "resilience-runtime"` in Cargo.toml, or a re-export), `crate = path` names it:
/// `#[circuit_breaker("payment", crate = ::my_framework::resilience)]`.
///
/// A rejected call returns an `E` made from a [`Rejection`](../resilience_runtime/enum.Rejection.html): either `E: From<Rejection>`,
/// which thiserror's `#[from]` writes and `anyhow::Error` has, or `map_rejection = path` converts it. With a [`macro@fallback`] that
/// does not take the error as an `E`, neither is needed.
///
/// # Several attributes
///
/// The top attribute is the outermost. It takes the others of this crate off the function and expands all of them
/// together. They are recognised by their own names, so importing one under another name is an error. So is an order in
/// which one of them cannot do its job.
///
/// ```
/// use resilience_runtime::{Rejection, bulkhead, circuit_breaker, retry, timeout};
///
/// #[retry(attempts = 3, delay = "10ms")]
/// #[circuit_breaker("search")]
/// #[bulkhead(max_concurrent = 10)]
/// #[timeout("2s")]
/// #[fallback = nothing]
/// async fn search(text: String) -> Result<Vec<String>, Rejection> {
///     Ok(vec![text])
/// }
///
/// async fn nothing(_: String) -> Result<Vec<String>, Rejection> {
///     Ok(Vec::new())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(search("tea".to_owned()).await.unwrap(), ["tea"]);
/// # }
/// ```
///
/// # Keys
///
/// A duration is a string (`"250ms"`, `"1m30s"`) or a constant expression of type `Duration`; a number is a literal or
/// a constant expression. Constant expressions cannot name `Self` or generic parameters. A predicate is a path or a
/// closure.
///
/// | key | default | meaning and bounds |
/// |---|---|---|
/// | the first value, or `name` | the function | a string of 1 to 128 characters; functions that name the same breaker share it |
/// | `failure_rate` | `50` | percent, above 0 and at most 100; opens when the rate of failures is this or higher |
/// | `minimum_calls` | `20`, or the count window where that is smaller | calls in the window before a rate counts; 1 to 1,000,000,000, and not above a count window |
/// | `window` | `"10s"` | a duration, `"10ms"` to `"24h"`: the calls within that time, in 10 buckets; a whole number, 1 to 65535: that many of the latest calls; `none`: no rate, which requires `trip_if` where `consecutive_failures` is off |
/// | `consecutive_failures` | `10` up to a `failure_rate` of 50; above it as many as are equally unlikely: 14 at 60, 20 at 70, 31 at 80, 66 at 90, none from 99 up | also opens after this many consecutive failures, whatever the volume; 1 to 1,000,000, or `none`. By default only if the first of them is at least 100 ms old |
/// | `abandoned_after` | `"1s"` | a call whose future is dropped after its body has waited this long is abandoned: it counts as one of the consecutive failures and is in no failure rate, and a probe that is dropped so has failed. One that is dropped sooner is cancelled and counts nowhere. `"1ms"` to `"1h"`, or `none` |
/// | `latency` | `false` | counts how long its calls took, for metrics and percentiles ([`Latency`](../resilience_runtime/struct.Latency.html)): two readings of the clock a call, which `slow_call` reads anyway, and 1 KiB for each core |
/// | `slow_call` | off | a call longer than this is slow, also one that is dropped; `"1us"` to `"1h"`, or `none` |
/// | `slow_call_rate` | `100` | percent; opens when the rate of slow calls is this or higher; a slow probe is a failed probe |
/// | `open_for` | `"30s"` | how long it stays open; `"1ms"` to `"365d"` |
/// | `open_backoff` | `1.0` | each opening after a failed half-open lasts this many times longer; 1 to 100 |
/// | `max_open_for` | `"10m"`, or `open_for` where that is longer | the cap of `open_backoff`; not below `open_for` |
/// | `open_jitter` | `0` | lengthens an opening at random, by up to this share of it; 0 to 1 |
/// | `half_open_calls` | `3` | probes admitted; 1 to 255 |
/// | `half_open_successes` | all of `half_open_calls` | successful probes that close it; it opens again as soon as they cannot be reached |
/// | `half_open_timeout` | `"60s"` | a probe that has not answered by then opens it again; `"1ms"` to `"24h"` |
/// | `failure_if` | every error | `fn(&E) -> bool`: which errors are failures; an error for which it returns `false` counts as a success |
/// | `ignore_if` | none | `fn(&E) -> bool`: which errors count nowhere; asked first |
/// | `trip_if` | off | `fn(&WindowCounts) -> bool`: a rule of your own that opens it too |
/// | `mode` | `enforce` | `enforce`, `monitor` (decides and records, rejects nothing) or `off` |
/// | `key` | none | an expression over the arguments that implements `Display`, or a tuple of two to eight such: one breaker for each of its values, shown as `name[value]`. Together with a retry or a fallback, the bindings of an argument pattern are references in it |
/// | `max_keys` | `1024` | the most breakers that `key` makes; 1 to 1,000,000. A new key replaces a closed one that was not used for long and has no call under way; where there is none, new keys share an overflow breaker, which rejects nobody |
/// | `preset` | none | `web_service`, `database`, `external_api` or `internal_service`: other defaults for `failure_rate`, `minimum_calls` and `open_for` ([`Preset`](../resilience_runtime/enum.Preset.html)) |
/// | `map_rejection` | `From<Rejection>` | `fn(Rejection) -> E` |
/// | `classify` | every `Err` is a failure, every `Ok` a success | `for<'a> fn(Result<&'a T, &'a E>) -> Verdict`: what the function's results say, to every attribute of the stack ([`Verdict`](../resilience_runtime/struct.Verdict.html)); one of [`classify`](../resilience_runtime/classify/index.html), a path or a closure. May be asked several times a call |
/// | `stream` | `false` | `true`: the function answers with a stream, and its call lasts until that ends; see [streams](macro@circuit_breaker#streams) |
/// | `classify_item` | every item that is an `Err` is a failure | `fn(&Item) -> Verdict`: which items of the stream are failures; a path or a closure |
/// | `crate` | `::resilience_runtime` | the path of the runtime crate, where it is re-exported |
///
/// Functions that name the same breaker share it. A function that writes no key about the breaker itself (thresholds,
/// windows, times, modes, `trip_if`) joins it however it is configured elsewhere. `failure_if`, `ignore_if`, `key`,
/// `map_rejection`, `classify`, `stream`, `classify_item` and `crate` belong to each function.
///
/// # Streams
///
/// With `stream = true` (feature `stream` of the runtime), the call of a function that answers with a stream lasts until the stream ends:
///
/// ```
/// use resilience_runtime::{Rejection, bulkhead, circuit_breaker, registry, timeout};
/// use tokio_stream::{Stream, StreamExt};
///
/// #[derive(Debug, thiserror::Error)]
/// enum FeedError {
///     #[error("the connection was lost")]
///     Lost,
///     #[error(transparent)]
///     Rejected(#[from] Rejection),
/// }
///
/// #[circuit_breaker("prices", stream = true)]
/// #[bulkhead(10)]
/// #[timeout("2s", between = "10s")]
/// async fn prices(of: &str) -> Result<impl Stream<Item = Result<u32, FeedError>>, FeedError> {
///     let first = of.len() as u32;
///     Ok(tokio_stream::iter([Ok(first), Err(FeedError::Lost)]))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let items: Vec<_> = prices("tea").await.unwrap().collect().await;
/// assert!(matches!(items[..], [Ok(3), Err(FeedError::Lost)]));
/// assert_eq!(registry().circuit_breaker("prices").unwrap().totals().failures, 1);
/// # }
/// ```
///
/// | | until the head | from the head on |
/// |---|---|---|
/// | circuit breaker | an `Err` is what it is without a stream | a failure at the first item that is one, a success at the end, once. A stream that is dropped after an item is a success, one that is dropped before it was cancelled or abandoned. A probe is decided by the first item. `slow_call` is the time up to that |
/// | bulkhead | waits for a permit | holds it until the end or the drop |
/// | timeout | `after` | `between`, for each wait from when an item is asked for |
/// | rate limit | one turn | |
/// | retry, fallback, `classify` | as without a stream | nothing |
///
/// The signature stays as it is: `impl Stream`, or `Pin<Box<dyn Stream>>` under any alias. The caller gets another stream of that type, so a concrete
/// type is refused. It is `Send`, `Sync` and `Unpin` where that of the body is.
///
/// With the runtime's feature `http`, the body of a response is such a stream, of frames: return `Response<impl Body>`, or a body in a box. `classify` is asked about the
/// response then, and what it does not take for a success is recorded at the head.
///
/// # A guarded function inside another
///
/// When the body calls another guarded function and that one is rejected, the body has failed: the rejection is an error of
/// the function's own type and counts as a failure. To leave it out:
/// `ignore_if = |e| matches!(e, ShopError::Rejected(_))`.
#[proc_macro_attribute]
pub fn circuit_breaker(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::CircuitBreaker, arguments.into(), item.into()).into()
}

/// Calls the function again when it fails.
///
/// The waits between attempts grow by `backoff` and vary by `jitter`. The last error is returned as it is. Attributes below
/// this one apply to every attempt, and those above it see one call: a [`macro@timeout`] above it limits all attempts
/// together, one below it limits each. The body can ask which attempt it is: [`attempt`](../resilience_runtime/fn.attempt.html).
///
/// ```
/// use resilience_runtime::{Rejection, retry};
/// use std::cell::Cell;
///
/// #[derive(Debug, thiserror::Error)]
/// enum StockError {
///     #[error("there is no such article")]
///     Unknown,
///     #[error("the warehouse does not answer")]
///     Unreachable,
///     #[error(transparent)]
///     Rejected(#[from] Rejection),
/// }
///
/// #[retry(attempts = 4, delay = "1ms", retry_if = |error| matches!(error, StockError::Unreachable))]
/// async fn stock(article: u64, asked: &Cell<u32>) -> Result<u64, StockError> {
///     asked.set(asked.get() + 1);
///     match article {
///         0 => Err(StockError::Unknown),
///         _ if asked.get() < 3 => Err(StockError::Unreachable),
///         article => Ok(article * 10),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let asked = Cell::new(0);
/// assert_eq!((stock(7, &asked).await.unwrap(), asked.get()), (70, 3));
/// let asked = Cell::new(0);
/// assert!(matches!((stock(0, &asked).await, asked.get()), (Err(StockError::Unknown), 1)));
/// # }
/// ```
///
/// # What happens to the arguments
///
/// Arguments taken by value are cloned for every attempt but the last, so they must be `Clone`. `&mut` arguments and
/// `&mut self` are reborrowed for one attempt after another, so the result cannot borrow from them. For that the body's
/// `self` becomes another variable: write `self` as an argument of a format string and not inside of it.
///
/// # Keys
///
/// | key | default | meaning and bounds |
/// |---|---|---|
/// | `name` | the function | a string of 1 to 128 characters; functions that name the same retry share it |
/// | `attempts` | `3` | calls in all, the first included; 1 to 100 |
/// | `delay` | `"100ms"` | the first wait of the backoff; `"0s"` to `"24h"`, not above `max_delay` |
/// | `backoff` | `exponential` | how the waits grow: `constant`, `linear`, `exponential`, `fibonacci` or `decorrelated` ([`Backoff`](../resilience_runtime/enum.Backoff.html)) |
/// | `factor` | `2.0` | how many times longer each wait of `exponential` is; 1 to 100 |
/// | `max_delay` | `"10s"` | the longest wait, jitter included; `"1ms"` to `"24h"` |
/// | `jitter` | `full` | `none`, `equal`, `full`, or the share of the wait by which it varies, 0 to 1 ([`Jitter`](../resilience_runtime/enum.Jitter.html)) |
/// | `max_elapsed` | none | no attempt begins later than this after the first one, waits included; `"1ms"` to `"365d"` |
/// | `retry_if` | every error | `fn(&E) -> bool`: which of the function's own errors are worth another attempt |
/// | `retry_rejections` | `[timed_out, bulkhead_full, rate_limited]` | which rejections by the attributes below are worth another attempt; `circuit_open` is the fourth |
/// | `retry_after` | none | `fn(&E) -> Option<Duration>`: a wait that the error asks for, in place of the backoff; when it is longer than `max_delay`, or than `max_elapsed` leaves, the error is returned at once |
/// | `budget` | off | percent of the calls of the last 10 seconds that may be retries, plus 10 retries a second; above 0 and at most 100 |
/// | `on_retry` | none | `fn(&RetryEvent)`, called before each wait |
/// | `map_rejection` | `From<Rejection>` | `fn(Rejection) -> E` |
/// | `classify` | every `Err` is a failure, every `Ok` a success | `for<'a> fn(Result<&'a T, &'a E>) -> Verdict`: what the function's results say, to every attribute of the stack ([`Verdict`](../resilience_runtime/struct.Verdict.html)); one of [`classify`](../resilience_runtime/classify/index.html), a path or a closure. May be asked several times a call |
/// | `stream` | `false` | `true`: the function answers with a stream, and its call lasts until that ends; see [streams](macro@circuit_breaker#streams) |
/// | `classify_item` | every item that is an `Err` is a failure | `fn(&Item) -> Verdict`: which items of the stream are failures; a path or a closure |
/// | `crate` | `::resilience_runtime` | the path of the runtime crate, where it is re-exported |
///
/// `retry_if`, `retry_after`, `on_retry`, `map_rejection`, `classify`, `stream`, `classify_item` and `crate` belong to each function.
///
/// # A guarded function inside another
///
/// When the body calls another guarded function and that one is rejected, the rejection is an error of the function's own:
/// `retry_if` decides about it, whatever `retry_rejections` says. To leave it alone:
/// `retry_if = |e| !matches!(e, ShopError::Rejected(_))`.
#[proc_macro_attribute]
pub fn retry(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Retry, arguments.into(), item.into()).into()
}

/// Limits how many calls run at once.
///
/// A call that finds no free permit waits in the queue, if there is one, or is rejected with
/// [`Rejection::BulkheadFull`](../resilience_runtime/enum.Rejection.html).
///
/// ```
/// use resilience_runtime::{Rejection, bulkhead};
///
/// #[bulkhead(1)]
/// async fn report(day: u8) -> Result<String, Rejection> {
///     tokio::task::yield_now().await;
///     Ok(format!("day {day}"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (first, second) = tokio::join!(report(1), report(2));
/// assert_eq!(first.unwrap(), "day 1");
/// assert!(matches!(second, Err(Rejection::BulkheadFull { .. })));
/// # }
/// ```
///
/// # Keys
///
/// | key | default | meaning and bounds |
/// |---|---|---|
/// | the first value, or `max_concurrent` | `25` | calls that run at once; 1 to 1,000,000 |
/// | `max_queue` | `0` | callers that may wait, first come, first served; 0 to 1,000,000 |
/// | `max_wait` | none | how long one waits; `"1ms"` to `"24h"`; wants `max_queue` |
/// | `key` | none | an expression over the arguments that is `Display`, or a tuple of two to eight such: one bulkhead for each of its values, shown as `name[value]`. It is evaluated and printed once a call |
/// | `max_keys` | `1024` | how many keys have a bulkhead of their own; 1 to 1,000,000. The longest unused one in which nobody is makes room for a new key; where there is none, new keys share one more |
/// | `name` | the function | a string of 1 to 128 characters; functions that name the same bulkhead share it |
/// | `map_rejection` | `From<Rejection>` | `fn(Rejection) -> E` |
/// | `classify` | every `Err` is a failure, every `Ok` a success | `for<'a> fn(Result<&'a T, &'a E>) -> Verdict`: what the function's results say, to every attribute of the stack ([`Verdict`](../resilience_runtime/struct.Verdict.html)); one of [`classify`](../resilience_runtime/classify/index.html), a path or a closure. May be asked several times a call |
/// | `stream` | `false` | `true`: the function answers with a stream, and its call lasts until that ends; see [streams](macro@circuit_breaker#streams) |
/// | `classify_item` | every item that is an `Err` is a failure | `fn(&Item) -> Verdict`: which items of the stream are failures; a path or a closure |
/// | `crate` | `::resilience_runtime` | the path of the runtime crate, where it is re-exported |
///
/// A function that writes a `name` and no other key joins the bulkhead of that name, with its queue.
#[proc_macro_attribute]
pub fn bulkhead(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Bulkhead, arguments.into(), item.into()).into()
}

/// Limits how many calls pass within a time.
///
/// A call that arrives before its turn waits for it if `max_wait` allows that. Otherwise it is rejected with
/// [`Rejection::RateLimited`](../resilience_runtime/enum.Rejection.html), which says when to try again. Over any time `t`, at
/// most `burst` + rate x `t` calls pass, each counted as what it costs.
///
/// ```
/// use resilience_runtime::{Rejection, rate_limit};
///
/// #[rate_limit("100/h", burst = 2)]
/// async fn send(text: &str) -> Result<usize, Rejection> {
///     Ok(text.len())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(send("one").await.unwrap(), 3);
/// assert_eq!(send("three").await.unwrap(), 5);
/// assert!(matches!(send("four").await, Err(Rejection::RateLimited { .. })));
/// # }
/// ```
///
/// # Keys
///
/// | key | default | meaning and bounds |
/// |---|---|---|
/// | the first value, or `rate` | | `"100/s"`, `"10/min"`, `"5000/h"`, `"1/30s"`, or a constant [`Rate`](../resilience_runtime/struct.Rate.html); 1 to 1,000,000,000 calls |
/// | `burst` | the rate's count | how many may pass at once; with the default, the first second may see twice the rate; 1 to 1,000,000,000 |
/// | `max_wait` | `"0s"` | how long a call waits for its turn, up to `"1h"`; a call that would have to wait longer is rejected at once |
/// | `cost` | `1` | an expression over the arguments, a `u32`: the call counts as so many. 0 passes uncounted; what is above `burst` is rejected without a `retry_after`, and no retry tries it again. A wait that is cancelled gives all of it back |
/// | `key` | none | an expression over the arguments that is `Display`, or a tuple of two to eight such: one rate limiter for each of its values, shown as `name[value]`. It is evaluated and printed once a call |
/// | `max_keys` | `65536` | how many keys have a limiter of their own; 1 to 1,000,000. The longest unused one with a full burst makes room for a new key; where there is none, new keys share 64 limiters |
/// | `name` | the function | a string of 1 to 128 characters; functions that name the same rate limit share it |
/// | `map_rejection` | `From<Rejection>` | `fn(Rejection) -> E` |
/// | `classify` | every `Err` is a failure, every `Ok` a success | `for<'a> fn(Result<&'a T, &'a E>) -> Verdict`: what the function's results say, to every attribute of the stack ([`Verdict`](../resilience_runtime/struct.Verdict.html)); one of [`classify`](../resilience_runtime/classify/index.html), a path or a closure. May be asked several times a call |
/// | `stream` | `false` | `true`: the function answers with a stream, and its call lasts until that ends; see [streams](macro@circuit_breaker#streams) |
/// | `classify_item` | every item that is an `Err` is a failure | `fn(&Item) -> Verdict`: which items of the stream are failures; a path or a closure |
/// | `crate` | `::resilience_runtime` | the path of the runtime crate, where it is re-exported |
#[proc_macro_attribute]
pub fn rate_limit(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::RateLimit, arguments.into(), item.into()).into()
}

/// Drops the call when it takes too long.
///
/// The time is counted on tokio's clock, from the moment at which the call first waits. When it is over, the call is dropped
/// where it waits, and the function returns [`Rejection::TimedOut`](../resilience_runtime/enum.Rejection.html).
///
/// ```
/// use resilience_runtime::{Rejection, timeout};
/// use std::{future::pending, time::Duration};
///
/// #[timeout("5ms")]
/// async fn report(day: u8) -> Result<String, Rejection> {
///     if day > 31 { pending().await } else { Ok(format!("day {day}")) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(report(1).await.unwrap(), "day 1");
/// assert!(matches!(report(99).await, Err(Rejection::TimedOut { after, .. }) if after == Duration::from_millis(5)));
/// # }
/// ```
///
/// A function may have two: one above a [`macro@retry`], for all attempts together, and one below it, for each. One above a
/// [`macro@circuit_breaker`] does not compile unless another is below the breaker: the breaker would see nothing but
/// cancelled calls, and a dependency that hangs would never open it.
///
/// # Keys
///
/// | key | default | meaning and bounds |
/// |---|---|---|
/// | the first value, or `after` | the preset's | how long a call may take; `"1ms"` to `"365d"` |
/// | `between` | none | with `stream = true`: how long the stream may keep its reader waiting for one item, which is then an `Err` of `Rejection::TimedOut` and the last; `"1ms"` to `"365d"`, or `none`. The items have to be `Result`s. From outside, only where the attribute writes it |
/// | `preset` | none | `web_service`, `database`, `external_api` or `internal_service` ([`Preset`](../resilience_runtime/enum.Preset.html)) |
/// | `name` | the function | a string of 1 to 128 characters; functions that name the same timeout share it |
/// | `map_rejection` | `From<Rejection>` | `fn(Rejection) -> E` |
/// | `classify` | every `Err` is a failure, every `Ok` a success | `for<'a> fn(Result<&'a T, &'a E>) -> Verdict`: what the function's results say, to every attribute of the stack ([`Verdict`](../resilience_runtime/struct.Verdict.html)); one of [`classify`](../resilience_runtime/classify/index.html), a path or a closure. May be asked several times a call |
/// | `stream` | `false` | `true`: the function answers with a stream, and its call lasts until that ends; see [streams](macro@circuit_breaker#streams) |
/// | `classify_item` | every item that is an `Err` is a failure | `fn(&Item) -> Verdict`: which items of the stream are failures; a path or a closure |
/// | `crate` | `::resilience_runtime` | the path of the runtime crate, where it is re-exported |
#[proc_macro_attribute]
pub fn timeout(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Timeout, arguments.into(), item.into()).into()
}

/// Answers when the function fails or is rejected.
///
/// Below another attribute of this crate, write `#[fallback = path]`, which needs no import. `#[fallback(path)]` may stand
/// anywhere, alone too. Wherever it stands, it answers for all policies of the function.
///
/// ```
/// use resilience_runtime::{Failure, Rejection, circuit_breaker};
///
/// #[circuit_breaker("recommendations")]
/// #[fallback = popular]
/// async fn recommend(user: u64) -> Result<Vec<u64>, Rejection> {
///     Ok(vec![user, user + 1])
/// }
///
/// fn popular(user: u64, failure: Failure<Rejection>) -> Result<Vec<u64>, Rejection> {
///     println!("for {user}: {failure:?}");
///     Ok(vec![1, 2, 3])
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(recommend(7).await.unwrap(), [7, 8]);
/// # }
/// ```
///
/// # What can answer
///
/// The path of a function or method (`Self::cached`), or a closure; sync or async. It takes the function's arguments, the
/// receiver first, and after them the error if it wants it, and returns what the function returns. Its own error is
/// returned as it is. It has no timeout of its own.
///
/// With several, `#[fallback(first, second)]`, each answers when the one before it has returned an error, and takes that
/// error.
///
/// A fallback takes the error as `Failure<E>`, which tells a rejection from the function's own error, or as `E`, which then
/// must be `From<Rejection>` (or one of the attributes has a `map_rejection`). In a closure, an error parameter without a
/// type is a `Failure<E>`.
///
/// # What happens to the arguments
///
/// Arguments taken by value are cloned for the fallback before each call, so they must be `Clone`. `&mut` arguments and
/// `&mut self` are reborrowed for the body and then for the fallback, so the result cannot borrow from them.
/// For that the body's `self` becomes another variable: write `self` as an argument of a format string and not inside it.
///
/// # Keys
///
/// | key | default | meaning |
/// |---|---|---|
/// | the values | | what answers, one after the other |
/// | `on` | every rejection | a list of `circuit_open`, `timed_out`, `bulkhead_full`, `rate_limited` and, with `classify`, `unsuccessful`: the rejections that it answers for; without `if` it then leaves the function's own errors alone |
/// | `if` | every error | `fn(&E) -> bool`: which of the function's own errors it answers for |
/// | `name` | the path | what it is called among the layers of the function |
/// | `map_rejection` | `From<Rejection>` | `fn(Rejection) -> E` |
/// | `classify` | every `Err` is a failure, every `Ok` a success | `for<'a> fn(Result<&'a T, &'a E>) -> Verdict`: what the function's results say, to every attribute of the stack ([`Verdict`](../resilience_runtime/struct.Verdict.html)); one of [`classify`](../resilience_runtime/classify/index.html), a path or a closure. May be asked several times a call |
/// | `stream` | `false` | `true`: the function answers with a stream, and its call lasts until that ends; see [streams](macro@circuit_breaker#streams) |
/// | `classify_item` | every item that is an `Err` is a failure | `fn(&Item) -> Verdict`: which items of the stream are failures; a path or a closure |
/// | `crate` | `::resilience_runtime` | the path of the runtime crate, where it is re-exported |
///
/// With `on` or `if`, what is left alone is returned as it is, so the error type must be `From<Rejection>` (or one of the
/// attributes has a `map_rejection`).
///
/// # A guarded function inside another
///
/// When the body calls another guarded function and that one is rejected, the rejection is an error of the function's own,
/// and `on` does not see it. To answer for it: `if = |e| matches!(e, ShopError::Rejected(_))`.
#[proc_macro_attribute]
pub fn fallback(arguments: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(Kind::Fallback, arguments.into(), item.into()).into()
}

#[cfg(test)]
mod tests;
