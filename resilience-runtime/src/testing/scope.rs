//! A registry that belongs to one test.

use crate::circuit_breaker::CircuitBreaker;
use crate::event::{Event, EventFilter, Events, Topic, Transition};
use crate::name::{DidYouMean, Instance};
use crate::registry::{OnRuntime, Registry, ScopedRegistry};
use crate::state::State;
use crate::sync::locked;
use pin_project_lite::pin_project;
use resilience_config::nearest;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// A registry of a test's own, for as long as it is entered.
///
/// Inside, [`registry()`](crate::registry()) is this scope's, and every guarded function finds its policies in it: new ones, configured as the
/// attributes say. Tests that run side by side, each in a scope, share nothing but what is counted at an
/// [`Operation`](crate::Operation) itself. Scopes nest; the innermost counts.
///
/// A scope is entered by a thread. Tasks that run on other threads do not know of it: hand them over as
/// `tokio::spawn(scope.wrap(task))`. On the runtime of a plain `#[tokio::test]` all tasks run on the thread that has entered.
///
/// The policies of guarded functions live as long as the program, those of a scope too: each scope leaks those that its test calls.
#[derive(Clone)]
pub struct Scope {
    inner: Arc<ScopeInner>,
}

struct ScopeInner {
    scoped: ScopedRegistry,
    heard: Mutex<Heard>,
}

struct Heard {
    events: Events,
    transitions: Vec<Transition>,
}

impl Scope {
    /// An empty registry.
    pub fn new() -> Self {
        let scoped = ScopedRegistry::new();
        // A flood of rejections is not to push out what is asked for.
        let events = scoped.registry.subscribe_with(EventFilter::of([Topic::Transition]));
        let heard = Heard { events, transitions: Vec::new() };
        Self { inner: Arc::new(ScopeInner { scoped, heard: Mutex::new(heard) }) }
    }

    /// Its registry, entered or not.
    pub fn registry(&self) -> Registry {
        self.inner.scoped.registry.clone()
    }

    /// Makes this thread see the scope until what is returned is dropped.
    pub fn enter(&self) -> Entered {
        let before = ScopedRegistry::enter(Some(self.inner.scoped.clone()));
        Entered { before, _on_runtime: OnRuntime::of_this_thread(), of_this_thread: PhantomData }
    }

    /// Makes a future see the scope on whichever thread it runs.
    ///
    /// ```
    /// # use resilience_runtime::{CircuitBreaker, registry, testing::Scope};
    /// # #[tokio::main] async fn main() {
    /// let scope = Scope::new();
    /// let task = async { CircuitBreaker::builder("payment").register().map(drop) };
    /// tokio::spawn(scope.wrap(task)).await.unwrap().unwrap();
    /// assert!(scope.registry().circuit_breaker("payment").is_some());
    /// assert!(registry().circuit_breaker("payment").is_none());
    /// # }
    /// ```
    pub fn wrap<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped { scope: self.clone(), future }
    }

    /// Asserts the state of the circuit breaker of that name, or of that key ([`Instance::of_key`]).
    ///
    /// # Panics
    ///
    /// When it has another state, or there is none of that name.
    #[track_caller]
    pub fn assert_state(&self, breaker: impl Into<Instance>, state: State) {
        let shown = breaker.into();
        let Some(breaker) = self.find(&shown) else { panic!("{}", self.unknown(&shown)) };
        let snapshot = breaker.snapshot();
        let because = snapshot.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        assert!(snapshot.state == state, "the circuit breaker `{shown}` is {}{because}, not {state}", snapshot.state);
    }

    /// The moves of that circuit breaker so far: from which state to which, the oldest first. Empty where there is none of that name.
    ///
    /// # Panics
    ///
    /// When more transitions than [`EVENT_CAPACITY`](crate::EVENT_CAPACITY) happened in the scope since the last look.
    #[track_caller]
    pub fn transitions(&self, breaker: impl Into<Instance>) -> Vec<(State, State)> {
        let Instance { name, key } = breaker.into();
        let mut heard = locked(&self.inner.heard);
        while let Some(event) = heard.events.try_recv() {
            match event {
                Event::Transition(transition) => heard.transitions.push(transition),
                Event::Missed { events, .. } => {
                    drop(heard);
                    panic!("{events} transitions were lost, because nobody looked at `transitions` for so long")
                }
                _ => {}
            }
        }
        let of_breaker = heard.transitions.iter().filter(|moved| moved.name == name && moved.key == key);
        of_breaker.map(|transition| (transition.from, transition.to)).collect()
    }

    fn find(&self, Instance { name, key }: &Instance) -> Option<Arc<CircuitBreaker>> {
        let breaker = self.inner.scoped.registry.circuit_breaker(name)?;
        match key {
            Some(_) => breaker.of_keys().into_iter().find(|of_key| of_key.key() == *key),
            None => Some(breaker),
        }
    }

    fn unknown(&self, breaker: &Instance) -> String {
        let known: Vec<String> =
            self.inner.scoped.registry.circuit_breakers().map(|known| known.name().to_string()).collect();
        let meant = nearest(&breaker.name, &known.iter().map(String::as_str).collect::<Vec<_>>());
        format!("no circuit breaker `{breaker}` was called in this scope{}", DidYouMean(meant))
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("registry", &self.inner.scoped.registry).finish_non_exhaustive()
    }
}

/// A thread is in a [`Scope`]; dropped, it is in the one from before again. To be dropped where it was made, the last one first.
#[must_use = "dropped at once, it leaves the scope at once"]
pub struct Entered {
    before: Option<ScopedRegistry>,
    _on_runtime: OnRuntime,
    of_this_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let _left = ScopedRegistry::enter(before);
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered")
            .field("nested", &self.before.is_some())
            .field("of_this_thread", &self.of_this_thread)
            .finish()
    }
}

pin_project! {
    /// The future of [`Scope::wrap`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scoped<F> {
        scope: Scope,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.enter();
        this.future.poll(context)
    }
}
