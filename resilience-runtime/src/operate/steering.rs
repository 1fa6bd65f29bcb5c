//! Doing something by hand to policies, by name and by pattern, and saying who does it and why.

use crate::circuit_breaker::CircuitBreaker;
use crate::event::{Act, Steering, TooLong};
use crate::kind::Kind;
use crate::name::{DidYouMean, InvalidPattern, Key, MeantKey, Name, Pattern, PolicyKey, Shown};
use crate::policy::Policy;
use crate::registry::{Kept, Registry, Site, each_kind, sites};
use resilience_config::{ConfigError, nearest};
use sealed::{Configures, Reconfigurable, Switchable};
use std::sync::Arc;
use std::time::Duration;

/// Something that is about to be done by hand: to one policy ([`CircuitBreaker::steer`], [`Retry::steer`](crate::Retry::steer), …), or to all whose names match
/// ([`Registry::steer`]).
///
/// Who does it ([`by`](Self::by)) and [`why`](Self::why) may be said first, each in at most 256 bytes. The last call does it, tells it as an
/// [`Event`](crate::Event) and keeps it among the policy's [`recent_events`](Registry::recent_events).
///
/// # Errors
///
/// Each act has the same ones: a `by` or `why` that is too long, a pattern that is none or that no policy matches, a share above 100, a
/// configuration with a mistake. Nothing has changed then, anywhere.
///
/// # Examples
///
/// ```
/// use resilience_runtime::{CircuitBreaker, State, SteerError, registry};
///
/// let eu = CircuitBreaker::builder("refund_eu").register()?;
/// CircuitBreaker::builder("refund_us").register()?;
/// let reached = registry().steer("refund*").by("ops").why("incident 12").force_open()?;
/// assert_eq!(reached.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), ["refund_eu", "refund_us"]);
/// assert_eq!(eu.state(), State::ForcedOpen);
///
/// eu.steer().by("ops").why("incident 12 is over").enforce_share(10)?;
/// assert_eq!(eu.snapshot().enforced_percent, 10);
///
/// let error = registry().steer("refnd_eu").reset().unwrap_err();
/// assert_eq!(error.to_string(), "no circuit_breaker matches `refnd_eu`; did you mean `refund_eu`?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is done before the last call"]
pub struct Steer<T> {
    target: T,
    by: String,
    why: String,
}

/// A policy that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Reached {
    /// The kind of policy.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Of which of its keys, where it is the instance of one.
    pub key: Option<Key>,
}

impl std::fmt::Display for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.kind, Shown(&self.name, self.key.as_ref()))
    }
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SteerError {
    /// No policy of a kind that this can be done to has such a name.
    #[error("no {kind} matches `{pattern}`{}", DidYouMean(.nearest.as_deref()))]
    NoneReached {
        /// The kind of policy that was asked for.
        kind: Kind,
        /// What was asked for.
        pattern: String,
        /// The known name that is nearest to it, if one is near.
        nearest: Option<Name>,
    },
    /// The pattern is none.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// `by` or `why` is too long.
    #[error("`{what}` takes at most 256 bytes")]
    TooLong {
        /// Which of them.
        what: &'static str,
    },
    /// More than all cannot be enforced.
    #[error("`enforce_share` takes 0 to 100 percent, not {percent}")]
    Share {
        /// What was asked for.
        percent: u8,
    },
    /// The configuration has a mistake.
    #[error("{kind} `{name}`: {error}")]
    Config {
        /// The kind of policy.
        kind: Kind,
        /// The first policy for which it is one.
        name: Name,
        /// The mistake.
        error: ConfigError,
    },
}

impl From<TooLong> for SteerError {
    fn from(TooLong(what): TooLong) -> Self {
        Self::TooLong { what }
    }
}

impl<T> Steer<T> {
    fn new(target: T) -> Self {
        Self { target, by: String::new(), why: String::new() }
    }

    /// Who does it: a person, a team, a program.
    pub fn by(mut self, by: impl Into<String>) -> Self {
        self.by = by.into();
        self
    }

    /// Why: an incident, a ticket, a sentence.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }
}

impl<T: Switchable> Steer<T> {
    /// As [`CircuitBreaker::force_open`].
    pub fn force_open(self) -> Result<T::Reached, SteerError> {
        self.act(Act::ForceOpen)
    }

    /// As [`CircuitBreaker::force_open_for`].
    pub fn force_open_for(self, time: Duration) -> Result<T::Reached, SteerError> {
        self.act(Act::ForceOpenFor(time))
    }

    /// As [`CircuitBreaker::disable`].
    pub fn disable(self) -> Result<T::Reached, SteerError> {
        self.act(Act::Disable)
    }

    /// As [`CircuitBreaker::monitor`].
    pub fn monitor(self) -> Result<T::Reached, SteerError> {
        self.act(Act::Monitor)
    }

    /// As [`CircuitBreaker::enforce`].
    pub fn enforce(self) -> Result<T::Reached, SteerError> {
        self.act(Act::Enforce)
    }

    /// Enforces only so many percent of what is decided: of the calls that an open or half-open breaker would reject it rejects this share and lets the
    /// others pass, as [`monitor`](Self::monitor) would; those are counted in `would_reject`. Evenly spread, and exact: of any hundred such calls in a row
    /// it is that many. 100 is as [`enforce`](Self::enforce), 0 as `monitor`; every other act but [`disable`](Self::disable) and
    /// [`force_open`](Self::force_open) ends it, and a breaker that is forced open rejects every call meanwhile.
    pub fn enforce_share(self, percent: u8) -> Result<T::Reached, SteerError> {
        match percent {
            0..=100 => self.act(Act::EnforceShare(percent)),
            _ => Err(SteerError::Share { percent }),
        }
    }

    /// As [`CircuitBreaker::reset`].
    pub fn reset(self) -> Result<T::Reached, SteerError> {
        self.act(Act::Reset)
    }

    fn act(self, act: Act) -> Result<T::Reached, SteerError> {
        self.target.act(act, Steering::new(self.by, self.why)?)
    }
}

impl<T> Steer<T> {
    /// Puts another configuration in force, as the policy's own `reconfigure`. Which policies a pattern reaches is said by the configuration's type.
    /// A function whose attribute does not write `max_queue` or `max_wait` was compiled so that it never waits, whatever is put in force.
    ///
    /// # Errors
    ///
    /// Those described at the type.
    pub fn reconfigure<Config>(self, config: Config) -> Result<T::Reached, SteerError>
    where
        T: Reconfigurable<Config>,
    {
        self.target.reconfigure(config, Steering::new(self.by, self.why)?)
    }
}

/// The policies of a registry whose names match, or those of their keys that do.
#[derive(Clone, Debug)]
pub struct Matching {
    registry: Registry,
    pattern: String,
    keys: Option<MatchingKeys>,
}

#[derive(Clone, Debug)]
enum MatchingKeys {
    One(MeantKey),
    Pattern(String),
}

impl Registry {
    /// Does something by hand to every policy whose name matches: a name, or a pattern in which `*` stands for any characters. It reaches policies of guarded functions
    /// that were not called yet, too. What it returns says which it has reached, by name.
    ///
    /// See [`Steer`].
    pub fn steer(&self, pattern: impl Into<String>) -> Steer<Matching> {
        Steer::new(Matching { registry: self.clone(), pattern: pattern.into(), keys: None })
    }
}

impl Steer<Matching> {
    /// Reaches the instance of this key alone, of each policy whose name matches and that holds it now.
    ///
    /// What is done to one key is forgotten with it when it makes room for another one; lines of a file about a key (`[circuit_breaker.NAME.key."3"]`) hold whenever it is there.
    ///
    /// ```
    /// # use resilience_runtime::{CircuitBreaker, State, registry};
    /// let stock = CircuitBreaker::builder("stock").register()?;
    /// for shelf in [7, 8] {
    ///     stock.keyed(("acme", shelf)).try_acquire()?.success();
    /// }
    /// registry().steer("stock").key(("acme", 7)).force_open()?;
    /// assert!(stock.keyed(("acme", 7)).try_acquire().is_err());
    /// assert!(stock.keyed(("acme", 8)).try_acquire().is_ok());
    ///
    /// let reached = registry().steer("stock").keys("acme, *").reset()?;
    /// assert_eq!(reached.len(), 2);
    /// assert_eq!(reached[0].to_string(), "circuit_breaker `stock[acme, 7]`");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key<Fit>(mut self, key: impl PolicyKey<Fit>) -> Self {
        self.target.keys = Some(MatchingKeys::One(MeantKey::new(&key)));
        self
    }

    /// Reaches the instances of those keys alone that match: a key as it is shown, or a pattern in which `*` stands for any characters.
    pub fn keys(mut self, pattern: impl Into<String>) -> Self {
        self.target.keys = Some(MatchingKeys::Pattern(pattern.into()));
        self
    }

    /// The circuit breakers that an act would reach, to which nothing is done.
    ///
    /// ```
    /// # use resilience_runtime::{CircuitBreaker, State, registry};
    /// let refund = CircuitBreaker::builder("refund").register()?;
    /// assert_eq!(registry().steer("ref*").reaches()?[0].name.as_str(), "refund");
    /// assert_eq!(refund.state(), State::Closed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reaches(&self) -> Result<Vec<Reached>, SteerError> {
        Ok(self.target.find::<CircuitBreaker>()?.iter().map(|breaker| reached(&**breaker)).collect())
    }
}

impl Matching {
    /// What acts are about: the policies, or the instances of those of their keys that match.
    fn find<P: Kept>(&self) -> Result<Vec<Arc<P>>, SteerError> {
        let policies = self.find_by_name::<P>()?;
        let Some(keys) = &self.keys else { return Ok(policies) };
        let pattern = match keys {
            MatchingKeys::One(_) => None,
            MatchingKeys::Pattern(pattern) => Some(Pattern::parse(pattern)?),
        };
        let matches = |key: &Key| match keys {
            MatchingKeys::One(one) => one.is(key),
            MatchingKeys::Pattern(_) => pattern.as_ref().is_some_and(|pattern| pattern.matches(&key.to_string())),
        };
        let instances = policies.iter().flat_map(|policy| policy.instances());
        let reached: Vec<_> = instances.filter(|instance| instance.key().is_some_and(|key| matches(&key))).collect();
        if reached.is_empty() {
            let shown = match keys {
                MatchingKeys::One(key) => key.to_string(),
                MatchingKeys::Pattern(pattern) => pattern.clone(),
            };
            let pattern = format!("{}[{shown}]", self.pattern);
            return Err(SteerError::NoneReached { kind: P::KIND, pattern, nearest: None });
        }
        Ok(reached)
    }

    fn find_by_name<P: Kept>(&self) -> Result<Vec<Arc<P>>, SteerError> {
        let pattern = Pattern::parse(&self.pattern)?;
        for site in sites::<P>().filter(|site| pattern.matches(&site.shown_name())) {
            self.registry.join(site);
        }
        let all = self.registry.of_kind::<P>().all();
        let known: Vec<Name> = all.iter().map(|policy| policy.name().clone()).collect();
        let reached: Vec<_> = all.into_iter().filter(|policy| pattern.matches(policy.name())).collect();
        if !reached.is_empty() {
            return Ok(reached);
        }
        let known: Vec<Name> = known.into_iter().chain(sites::<P>().map(Site::shown_name)).collect();
        let known: Vec<&str> = known.iter().map(Name::as_str).collect();
        let nearest = nearest(&self.pattern, &known).map(|name| Name::from(name.to_owned()));
        Err(SteerError::NoneReached { kind: P::KIND, pattern: self.pattern.clone(), nearest })
    }
}

fn reached<P: Policy>(policy: &P) -> Reached {
    Reached { kind: P::KIND, name: policy.name().clone(), key: policy.key() }
}

fn mistake<P: Policy>(policy: &P, error: ConfigError) -> SteerError {
    SteerError::Config { kind: P::KIND, name: policy.name().clone(), error }
}

impl Switchable for Matching {
    type Reached = Vec<Reached>;

    fn act(self, act: Act, by: Option<Steering>) -> Result<Vec<Reached>, SteerError> {
        let breakers = self.find::<CircuitBreaker>()?;
        breakers.iter().for_each(|breaker| breaker.act(act, by.clone()));
        Ok(breakers.iter().map(|breaker| reached(&**breaker)).collect())
    }
}

impl Switchable for &CircuitBreaker {
    type Reached = ();

    fn act(self, act: Act, by: Option<Steering>) -> Result<(), SteerError> {
        CircuitBreaker::act(self, act, by);
        Ok(())
    }
}

/// All or none.
impl<C, P> Reconfigurable<C> for Matching
where
    C: Configures<Policy = P> + Copy,
    P: Kept<Keys = C>,
{
    type Reached = Vec<Reached>;

    fn reconfigure(self, config: C, by: Option<Steering>) -> Result<Vec<Reached>, SteerError> {
        let policies = self.find::<P>()?;
        policies.iter().try_for_each(|policy| policy.check(&config).map_err(|error| mistake(&**policy, error)))?;
        for policy in &policies {
            policy.reconfigure_by(config, by.clone()).map_err(|error| mistake(&**policy, error))?;
        }
        Ok(policies.iter().map(|policy| reached(&**policy)).collect())
    }
}

impl<P: Policy> Reconfigurable<P::Keys> for &P {
    type Reached = ();

    fn reconfigure(self, config: P::Keys, by: Option<Steering>) -> Result<(), SteerError> {
        self.reconfigure_by(config, by).map_err(|error| mistake(self, error))
    }
}

macro_rules! steerable {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {
        $(
            impl crate::$policy {
                /// Does something to it by hand, and says who does it and why. See [`Steer`].
                pub fn steer(&self) -> Steer<&Self> {
                    Steer::new(self)
                }
            }

            impl Configures for crate::$config {
                type Policy = crate::$policy;
            }
        )*
    };
}

each_kind!(steerable!);

mod sealed {
    use super::{Act, SteerError, Steering};

    /// Something that opens and closes.
    pub trait Switchable {
        /// What is returned of it.
        type Reached;

        fn act(self, act: Act, by: Option<Steering>) -> Result<Self::Reached, SteerError>;
    }

    /// The configuration of one kind of policy.
    pub trait Configures {
        type Policy;
    }

    /// Something that can be configured so.
    pub trait Reconfigurable<Config> {
        /// What is returned of it.
        type Reached;

        fn reconfigure(self, config: Config, by: Option<Steering>) -> Result<Self::Reached, SteerError>;
    }
}
