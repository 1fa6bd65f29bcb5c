//! Building a pipeline: which policies it has, and everything that is wrong with them.

use super::run::{PipelineStep, Stack};
use super::{Pipeline, PipelineInner};
use crate::builder::Builder;
use crate::bulkhead::Bulkhead;
use crate::circuit_breaker::CircuitBreaker;
use crate::kind::Kind;
use crate::name::Name;
use crate::policy::Policy;
use crate::rate_limit::RateLimiter;
use crate::registry::{Kept, KindAndName, RegisterError, each_kind, registry};
use crate::retry::Retry;
use crate::timeout::Timeout;
use resilience_config::{BrokenRule, ConfigError, Configurable, RetryConfig, TimeoutConfig, names, wrong_orders};
use std::fmt;
use std::sync::Arc;

/// Adds policies to a [`Pipeline`], from the outermost to the innermost. Mistakes are reported by [`build`](Self::build).
#[derive(Clone, Debug)]
#[must_use = "nothing is built before `build`"]
pub struct PipelineBuilder {
    name: Name,
    layers: Vec<LayerBuilder>,
}

#[derive(Clone, Debug)]
enum LayerBuilder {
    Retry(Builder<Retry>),
    CircuitBreaker(Builder<CircuitBreaker>),
    Bulkhead(Builder<Bulkhead>),
    RateLimit(Builder<RateLimiter>),
    Timeout(Builder<Timeout>),
}

/// What a policy of a [`Pipeline`] can be made of: its configuration, for one that is called as the pipeline; its builder, for one that has a name of its own; or that name alone, for one that is
/// configured elsewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no policy of this kind",
    note = "write a configuration such as `RetryConfig::new().attempts(3)`, a builder such as `CircuitBreaker::builder(\"payment\")`, or the name of a policy"
)]
pub trait IntoPolicy<P: Policy> {
    /// Called as the pipeline, unless it has a name of its own.
    #[doc(hidden)]
    fn into_policy(self, name: &Name) -> Builder<P>;
}

impl<P: Policy> IntoPolicy<P> for Builder<P> {
    fn into_policy(self, _: &Name) -> Self {
        self
    }
}

impl<P: Policy> IntoPolicy<P> for Name {
    fn into_policy(self, _: &Name) -> Builder<P> {
        Builder::new(self)
    }
}

impl<P: Policy> IntoPolicy<P> for &'static str {
    fn into_policy(self, _: &Name) -> Builder<P> {
        Builder::new(self.into())
    }
}

macro_rules! into_policy {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {
        $(impl IntoPolicy<crate::$policy> for resilience_config::$config {
            fn into_policy(self, name: &Name) -> Builder<crate::$policy> {
                Builder::new(name.clone()).config(self)
            }
        })*
    };
}

each_kind!(into_policy!);

/// Everything that is wrong with a [`Pipeline`]; nothing of it is in the registry. As text, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineError {
    mistakes: Vec<PipelineMistake>,
}

/// Something that is wrong with a [`Pipeline`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineMistake {
    /// It cannot be called so.
    #[error(transparent)]
    Name(#[from] BrokenRule),
    /// A policy is there twice, or could not do its job where it stands.
    #[error("{message}")]
    Order {
        /// The kind of policy.
        kind: Kind,
        /// What is wrong and what to do about it, in the words of the attributes.
        message: String,
    },
    /// A policy's keys are wrong.
    #[error("{kind} `{name}`: {error}")]
    Config {
        /// The kind of policy.
        kind: Kind,
        /// Its name.
        name: Name,
        /// What is wrong.
        error: ConfigError,
    },
    /// A policy is not in the registry as it is wanted.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

impl PipelineError {
    /// One by one; never empty.
    pub fn mistakes(&self) -> &[PipelineMistake] {
        &self.mistakes
    }

    fn unless_none(mistakes: Vec<PipelineMistake>) -> Result<(), Self> {
        if mistakes.is_empty() { Ok(()) } else { Err(Self { mistakes }) }
    }
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, mistake) in self.mistakes.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PipelineError {}

/// Does the same with the builder of whichever kind.
macro_rules! with_builder {
    ($layer:expr, $builder:ident => $do:expr) => {
        match $layer {
            LayerBuilder::Retry($builder) => $do,
            LayerBuilder::CircuitBreaker($builder) => $do,
            LayerBuilder::Bulkhead($builder) => $do,
            LayerBuilder::RateLimit($builder) => $do,
            LayerBuilder::Timeout($builder) => $do,
        }
    };
}

fn kind_of<P: Policy>(_: &Builder<P>) -> Kind {
    P::KIND
}

fn check<P: Kept>(builder: &Builder<P>) -> Result<(), PipelineMistake> {
    let config = |error| PipelineMistake::Config { kind: P::KIND, name: builder.name.clone(), error };
    builder.check_to_register().map_err(config)
}

impl LayerBuilder {
    fn kind(&self) -> Kind {
        with_builder!(self, builder => kind_of(builder))
    }

    fn policy(&self) -> KindAndName {
        with_builder!(self, builder => (kind_of(builder), builder.name.clone()))
    }

    fn check(&self) -> Result<(), PipelineMistake> {
        with_builder!(self, builder => check(builder))
    }
}

impl PipelineBuilder {
    pub(super) fn new(name: Name) -> Self {
        Self { name, layers: Vec::new() }
    }

    /// Calls again what fails, below those that were added before.
    pub fn retry(self, retry: impl IntoPolicy<Retry>) -> Self {
        self.layer(retry, LayerBuilder::Retry)
    }

    /// A circuit breaker below those that were added before.
    pub fn circuit_breaker(self, breaker: impl IntoPolicy<CircuitBreaker>) -> Self {
        self.layer(breaker, LayerBuilder::CircuitBreaker)
    }

    /// A bulkhead below those that were added before. It lets callers wait as its `max_queue` says.
    pub fn bulkhead(self, bulkhead: impl IntoPolicy<Bulkhead>) -> Self {
        self.layer(bulkhead, LayerBuilder::Bulkhead)
    }

    /// A rate limiter below those that were added before. It lets callers wait as its `max_wait` says.
    pub fn rate_limit(self, limit: impl IntoPolicy<RateLimiter>) -> Self {
        self.layer(limit, LayerBuilder::RateLimit)
    }

    /// A timeout below those that were added before: of all attempts together above a retry, of each below it. There may be one on either side.
    pub fn timeout(self, timeout: impl IntoPolicy<Timeout>) -> Self {
        self.layer(timeout, LayerBuilder::Timeout)
    }

    fn layer<P: Policy>(mut self, policy: impl IntoPolicy<P>, layer: fn(Builder<P>) -> LayerBuilder) -> Self {
        let mut builder = policy.into_policy(&self.name);
        // As the second of a function, which only a timeout may be.
        let second: KindAndName = (P::KIND, builder.name.clone());
        if self.layers.iter().any(|layer| layer.policy() == second) {
            builder.name = Name::from(format!("{}#2", builder.name));
        }
        self.layers.push(layer(builder));
        self
    }

    /// The pipeline, with its policies in the registry: those that are new, and those that are there already with the same configuration.
    ///
    /// # Errors
    ///
    /// Everything that is wrong: a policy that is there twice or could not do its job where it stands, as at a function; keys out of bounds or that contradict each other; and, where nothing is wrong
    /// with all that, every policy that is configured differently elsewhere under the same name.
    ///
    /// ```
    /// use resilience_runtime::{CircuitBreakerConfig, Pipeline, RetryConfig, TimeoutConfig};
    /// use std::time::Duration;
    ///
    /// let error = Pipeline::builder("tenant acme")
    ///     .timeout(TimeoutConfig::new().after(Duration::from_secs(2)))
    ///     .circuit_breaker(CircuitBreakerConfig::new())
    ///     .retry(RetryConfig::new().attempts(0))
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(error.mistakes().len(), 2);
    /// assert!(error.mistakes()[0].to_string().starts_with("this `timeout` is above `circuit_breaker`"));
    /// assert_eq!(error.mistakes()[1].to_string(), "retry `tenant acme`: `attempts` must be between 1 and 100");
    /// ```
    pub fn build(self) -> Result<Pipeline, PipelineError> {
        let mut mistakes: Vec<PipelineMistake> = names::check(&self.name).err().map(Into::into).into_iter().collect();
        let kinds: Vec<Kind> = self.layers.iter().map(LayerBuilder::kind).collect();
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let orders = wrong_orders(&words).into_iter();
        mistakes.extend(orders.map(|(at, message)| PipelineMistake::Order { kind: kinds[at], message }));
        if mistakes.is_empty() {
            mistakes.extend(self.layers.iter().filter_map(|layer| layer.check().err()));
        } else {
            // What is wrong with the pipeline's name is wrong with theirs.
            let of_keys = |mistake: &PipelineMistake| match mistake {
                PipelineMistake::Config { error, .. } => error.broken_rules().iter().any(|rule| rule.key != "name"),
                _ => true,
            };
            mistakes.extend(self.layers.iter().filter_map(|layer| layer.check().err()).filter(of_keys));
        }
        mistakes.extend(self.attempts_that_never_begin());
        PipelineError::unless_none(mistakes)?;

        let policies: Vec<KindAndName> = self.layers.iter().map(LayerBuilder::policy).collect();
        let hold = registry().hold(self.name.clone(), &policies);
        let mut stack = Stack::default();
        let mut conflicts = Vec::new();
        let (mut has_timeout, mut has_retry) = (false, false);
        for layer in self.layers {
            let side = usize::from(has_retry);
            let at = 2 * side + usize::from(has_timeout);
            let put = match layer {
                LayerBuilder::Retry(builder) => {
                    (has_retry, has_timeout) = (true, false);
                    put(builder, |retry| stack.retry = Some(retry))
                }
                LayerBuilder::Timeout(builder) => {
                    has_timeout = true;
                    put(builder, |timeout| stack.timeouts[side] = Some(timeout))
                }
                LayerBuilder::CircuitBreaker(builder) => {
                    put(builder, |breaker| stack.steps[at].push(PipelineStep::CircuitBreaker(breaker)))
                }
                LayerBuilder::Bulkhead(builder) => {
                    put(builder, |bulkhead| stack.steps[at].push(PipelineStep::Bulkhead(bulkhead)))
                }
                LayerBuilder::RateLimit(builder) => {
                    put(builder, |limiter| stack.steps[at].push(PipelineStep::RateLimit(limiter)))
                }
            };
            conflicts.extend(put.err().map(PipelineMistake::from));
        }
        // What was put into the registry goes with the hold.
        PipelineError::unless_none(conflicts)?;
        Ok(Pipeline { inner: Arc::new(PipelineInner { name: self.name, stack, _hold: hold }) })
    }

    /// As at a function: of waits that are known to be at least as long as the backoff says, and not where a policy is only named.
    fn attempts_that_never_begin(&self) -> Option<PipelineMistake> {
        let at = self.layers.iter().position(|layer| layer.kind() == Kind::Retry)?;
        let (above, below) = self.layers.split_at(at);
        let [LayerBuilder::Retry(retry), below @ ..] = below else { return None };
        let retry: RetryConfig = known(retry)?;
        let is_written = |key: &str| RetryConfig::KEYS.iter().any(|row| row.name == key && (row.is_written)(&retry));
        let asks_for_waits = below.iter().any(|layer| match layer {
            LayerBuilder::RateLimit(_) => true,
            LayerBuilder::CircuitBreaker(_) => is_written("retry_rejections"),
            _ => false,
        });
        let timeout: TimeoutConfig = above.iter().find_map(|layer| match layer {
            LayerBuilder::Timeout(timeout) => known(timeout),
            _ => None,
        })?;
        let message = timeout.why_no_time_for(&retry).filter(|_| !asks_for_waits)?;
        Some(PipelineMistake::Order { kind: Kind::Timeout, message })
    }
}

/// What is written, where nothing is wrong with it.
fn known<P: Policy>(builder: &Builder<P>) -> Option<P::Keys> {
    (builder.configured && builder.check().is_ok()).then_some(builder.definition.keys)
}

fn put<P: Kept>(builder: Builder<P>, put: impl FnOnce(Arc<P>)) -> Result<(), RegisterError> {
    builder.register_for_pipeline().map(put)
}
