//! Bodies of several shapes, each bare, guarded, and with the least around it that a breaker could do: the shape decides what the compiler copies.

use crate::clock::coarse_millis;
use crate::contest::{BARE, Case, Contestant, LEAST, LEAST_BY_THE_CLOCK, calls};
use crate::subject::{FAILS, Failed, work};
use resilience_runtime::{Rejection, circuit_breaker};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// By hand, without a policy's settings, its other states, its name and its registry: the state is looked at, the bucket's end and the thread's own counter.
struct Least {
    state: AtomicU64,
    end: AtomicU64,
    counters: [Line; 4],
}

#[repr(align(64))]
struct Line(AtomicU64);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(1) };
}

impl Least {
    const fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            end: AtomicU64::new(u64::MAX),
            counters: [const { Line(AtomicU64::new(0)) }; 4],
        }
    }

    #[inline(always)]
    fn admit(&self) -> u64 {
        let state = self.state.load(Ordering::Acquire);
        if state & 7 != 0 {
            not_calm();
        }
        state
    }

    #[inline(always)]
    fn succeeded(&self, admitted: u64, by_the_clock: bool) {
        let end = self.end.load(Ordering::Acquire);
        let now = if by_the_clock { coarse_millis() } else { 0 };
        if self.state.load(Ordering::Acquire) != admitted || now >= end {
            not_calm();
        }
        let Line(counter) = &self.counters[MINE.get() & 3];
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn not_calm() {
    unreachable!("nothing fails, and time does not end");
}

/// An error of so many words.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it failed: {0:?}")]
pub(crate) struct Wide<const WORDS: usize>([u64; WORDS]);

#[inline(never)]
fn far(call: u64) -> Result<u64, Failed> {
    work(call)
}

async fn inner(call: u64) -> Result<u64, Failed> {
    work(call)
}

/// As `work`, with any answer and any error.
#[inline]
fn answer<T, E>(call: u64, value: impl FnOnce(u64) -> T, error: impl FnOnce(u64) -> E) -> Result<T, E> {
    if call == FAILS { Err(error(call)) } else { Ok(value(call)) }
}

macro_rules! bodies {
    ($($module:ident, $name:literal, $about:literal: |$call:ident| -> Result<$value:ty, $error:ty> $body:block)+) => {
        $(mod $module {
            use super::*;

            #[derive(Debug, thiserror::Error)]
            enum Error {
                #[error(transparent)]
                Failed(#[from] $error),
                #[error(transparent)]
                Rejected(#[from] Rejection),
            }

            static ROUND: Least = Least::new();

            async fn bare($call: u64) -> Result<$value, $error> $body

            async fn least($call: u64) -> Result<$value, Error> {
                let admitted = ROUND.admit();
                match $body {
                    Ok(value) => {
                        ROUND.succeeded(admitted, false);
                        Ok(value)
                    }
                    Err(error) => Err(error.into()),
                }
            }

            async fn least_by_the_clock($call: u64) -> Result<$value, Error> {
                let admitted = ROUND.admit();
                match $body {
                    Ok(value) => {
                        ROUND.succeeded(admitted, true);
                        Ok(value)
                    }
                    Err(error) => Err(error.into()),
                }
            }

            #[circuit_breaker]
            async fn by_default($call: u64) -> Result<$value, Error> {
                Ok($body?)
            }

            #[circuit_breaker(window = none, consecutive_failures = 5)]
            async fn by_row($call: u64) -> Result<$value, Error> {
                Ok($body?)
            }

            #[circuit_breaker(window = 100)]
            async fn by_count($call: u64) -> Result<$value, Error> {
                Ok($body?)
            }

            pub(super) fn contestants() -> Vec<Contestant> {
                vec![
                    calls!(BARE, |call| bare(call).await),
                    calls!(LEAST, |call| least(call).await),
                    calls!(LEAST_BY_THE_CLOCK, |call| least_by_the_clock(call).await),
                    calls!("ours, default (10 s)", |call| by_default(call).await),
                    calls!("ours, consecutive", |call| by_row(call).await),
                    calls!("ours, count window", |call| by_count(call).await),
                ]
            }
        })+

        /// A case for each.
        pub(crate) const NAMES: &[&str] = &[$($name),+];

        pub(crate) fn cases() -> Vec<Case> {
            vec![$(Case::new($name, $about, $module::contestants)),+]
        }
    };
}

bodies! {
    near, "body: inlined", "a closed breaker, a body that the compiler sees through": |call| -> Result<u64, Failed> { work(call) }
    called, "body: not inlined", "a closed breaker": |call| -> Result<u64, Failed> { far(call) }
    awaiting, "body: awaits", "a closed breaker, a body that awaits another async function": |call| -> Result<u64, Failed> { inner(call).await }
    text, "body: returns a String", "a closed breaker": |call| -> Result<String, Failed> { answer(call, |_| String::new(), |_| Failed) }
    wide, "body: returns 128 bytes", "a closed breaker": |call| -> Result<[u64; 16], Failed> { answer(call, |call| [call; 16], |_| Failed) }
    error_of_8, "body: an error of 8 bytes", "a closed breaker": |call| -> Result<u64, Wide<1>> { answer(call, |call| call + 1, |call| Wide([call; 1])) }
    error_of_64, "body: an error of 64 bytes", "a closed breaker": |call| -> Result<u64, Wide<8>> { answer(call, |call| call + 1, |call| Wide([call; 8])) }
}
