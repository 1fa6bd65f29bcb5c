//! A dependency that does what it is told.

use crate::sync::locked;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a dependency answers, call by call.
///
/// Clones are the same dependency: one may be given to the code under test and another kept to ask how often it was called. A call
/// takes its step when it is first polled. Running past the last step is a mistake of the test's and panics, unless the script ends in
/// [`forever`](Self::forever).
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use resilience_runtime::testing::Script;
/// use std::time::Duration;
///
/// let stock = Script::new().ok(7).times(2).err("down").ok(8).after(Duration::from_secs(3)).forever();
/// assert_eq!((stock.call().await, stock.call().await, stock.call().await), (Ok(7), Ok(7), Err("down")));
/// let before = tokio::time::Instant::now();
/// assert_eq!(stock.call().await, Ok(8));
/// assert_eq!((before.elapsed(), stock.calls()), (Duration::from_secs(3), 4));
/// # }
/// ```
#[must_use = "a script does nothing until it is called"]
pub struct Script<T, E> {
    steps: Arc<Vec<Step<T, E>>>,
    /// Whether the last step is repeated for ever.
    forever: bool,
    calls: Arc<Mutex<usize>>,
}

struct Step<T, E> {
    does: Does<T, E>,
    after: Duration,
    times: usize,
}

type ScriptedAnswer<T, E> = Arc<dyn Fn() -> Result<T, E> + Send + Sync>;

enum Does<T, E> {
    Answers(ScriptedAnswer<T, E>),
    Hangs,
    Panics(&'static str),
}

impl<T, E> Script<T, E> {
    /// No step yet.
    pub fn new() -> Self {
        Self { steps: Arc::default(), forever: false, calls: Arc::default() }
    }

    /// One call succeeds.
    #[track_caller]
    pub fn ok(self, value: T) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        self.answer(move || Ok(value.clone()))
    }

    /// One call fails.
    #[track_caller]
    pub fn err(self, error: E) -> Self
    where
        E: Clone + Send + Sync + 'static,
    {
        self.answer(move || Err(error.clone()))
    }

    /// One call is answered by `answer`: for values and errors that cannot be cloned.
    #[track_caller]
    pub fn answer(self, answer: impl Fn() -> Result<T, E> + Send + Sync + 'static) -> Self {
        self.then(Does::Answers(Arc::new(answer)))
    }

    /// One call is never answered.
    #[track_caller]
    pub fn hang(self) -> Self {
        self.then(Does::Hangs)
    }

    /// One call panics with this message.
    #[track_caller]
    pub fn panic(self, message: &'static str) -> Self {
        self.then(Does::Panics(message))
    }

    /// The step before takes so long, on tokio's clock.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn after(mut self, time: Duration) -> Self {
        self.last().after = time;
        self
    }

    /// The step before is made by so many calls in all.
    ///
    /// # Panics
    ///
    /// When there is none, or for no call at all.
    #[track_caller]
    pub fn times(mut self, calls: usize) -> Self {
        assert!(calls > 0, "a step of a script is made by one call or more");
        self.last().times = calls;
        self
    }

    /// The step before is made by every call from then on.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn forever(mut self) -> Self {
        self.last();
        self.forever = true;
        self
    }

    /// Calls the dependency.
    ///
    /// # Errors
    ///
    /// Those of the script.
    ///
    /// # Panics
    ///
    /// Where the script says so, and past its end.
    pub async fn call(&self) -> Result<T, E> {
        let Step { does, after, .. } = self.next();
        if !after.is_zero() {
            tokio::time::sleep(*after).await;
        }
        match does {
            Does::Answers(answer) => answer(),
            Does::Hangs => std::future::pending().await,
            Does::Panics(message) => panic!("{message}"),
        }
    }

    /// How many calls have begun.
    #[must_use]
    pub fn calls(&self) -> usize {
        *locked(&self.calls)
    }

    fn next(&self) -> &Step<T, E> {
        let nth = {
            let mut calls = locked(&self.calls);
            *calls += 1;
            *calls
        };
        let mut end = 0_usize;
        let step = self.steps.iter().find(|step| {
            end = end.saturating_add(step.times);
            nth <= end
        });
        step.or_else(|| self.steps.last().filter(|_| self.forever)).unwrap_or_else(|| {
            panic!("the script ends after {end} calls and this is call {nth}; `forever()` repeats its last step")
        })
    }

    #[track_caller]
    fn then(mut self, does: Does<T, E>) -> Self {
        assert!(!self.forever, "what stands behind `forever` in a script is never reached");
        self.steps_mut().push(Step { does, after: Duration::ZERO, times: 1 });
        self
    }

    #[track_caller]
    fn last(&mut self) -> &mut Step<T, E> {
        assert!(!self.forever, "what stands behind `forever` in a script is never reached");
        self.steps_mut().last_mut().expect("`times`, `after` and `forever` say something about the step before them")
    }

    #[track_caller]
    fn steps_mut(&mut self) -> &mut Vec<Step<T, E>> {
        Arc::get_mut(&mut self.steps).expect("a script is written before it is cloned")
    }
}

impl<T, E> Default for Script<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Clone for Script<T, E> {
    fn clone(&self) -> Self {
        Self { steps: Arc::clone(&self.steps), forever: self.forever, calls: Arc::clone(&self.calls) }
    }
}

impl<T, E> fmt::Debug for Script<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("steps", &self.steps.len()).field("calls", &self.calls()).finish_non_exhaustive()
    }
}
