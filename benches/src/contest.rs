//! What is compared, and how: every contestant of a case makes its calls in turn, round after round, so that whatever else the machine does
//! meets them all alike; what is told is the median round.

use crate::clock::Clock;
use crate::statistics::Quartiles;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

/// Something that can be called, ready to be: all that belongs to no call was done when it was made.
pub(crate) struct Contestant {
    pub(crate) who: String,
    /// Makes so many calls.
    pub(crate) run: Box<dyn FnMut(u64)>,
}

impl Contestant {
    pub(crate) fn new(who: impl Into<String>, run: impl FnMut(u64) + 'static) -> Self {
        Self { who: who.into(), run: Box::new(run) }
    }

    /// One that is made by its first calls, since it begins threads: they would be counted with whoever else is.
    #[cfg(feature = "peers")]
    pub(crate) fn made_late(who: &str, make: impl FnOnce() -> Self + 'static) -> Self {
        let (mut make, mut made) = (Some(make), None);
        Self::new(who, move |calls| {
            if let Some(make) = make.take() {
                made = Some(make());
            }
            if let Some(Self { run, .. }) = &mut made {
                run(calls);
            }
        })
    }
}

/// A question that is put to several contestants. The first is what the others are compared with.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Rounds for each round of the run: more where the difference is small.
    pub(crate) rounds: usize,
    /// How many times as long as others each contestant takes in a round: longer where threads have to begin first.
    pub(crate) length: u32,
    pub(crate) clock: Clock,
    pub(crate) contestants: fn() -> Vec<Contestant>,
}

/// The bare call, in every case that has one.
pub(crate) const BARE: &str = "bare";
/// The least that a breaker could do, written by hand: neither ours nor a peer.
pub(crate) const LEAST: &str = "least";
/// As [`LEAST`], where a bucket ends by the clock.
pub(crate) const LEAST_BY_THE_CLOCK: &str = "least, with a clock";
/// What a peer's name never begins with.
pub(crate) const OURS: &str = "ours";

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Of one contestant in one round.
    pub(crate) batch: Duration,
    pub(crate) rounds: usize,
}

/// All rounds of the timed cases, by case.
pub(crate) type Timings = HashMap<&'static str, Vec<Timing>>;

/// The peer of the smallest median.
pub(crate) fn best_peer(timings: &[Timing]) -> Option<&Timing> {
    let is_peer = |who: &str| ![BARE, LEAST, OURS].iter().any(|none| who.starts_with(none));
    let peers = timings.iter().filter(|timing| is_peer(&timing.who));
    peers.min_by(|a, b| a.nanos().median.total_cmp(&b.nanos().median))
}

/// A row of a case that is about how many tasks there are.
pub(crate) fn of_tasks(what: &str, tasks: u64) -> String {
    let s = if tasks == 1 { "" } else { "s" };
    format!("{what}, {tasks} task{s}")
}

/// Nanoseconds a call, round by round.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    pub(crate) who: String,
    pub(crate) rounds: Vec<f64>,
}

impl Timing {
    pub(crate) fn nanos(&self) -> Quartiles {
        Quartiles::of(self.rounds.iter().copied())
    }

    /// The median of this one's share of the other's time, both less `base` where there is one, round by round: both had the same machine in a round.
    pub(crate) fn over(&self, other: &Self, base: Option<&Self>) -> f64 {
        let base = |round: usize| base.map_or(0.0, |base| base.rounds[round]);
        let shares = (0..self.rounds.len()).map(|round| {
            // Of two calls that cost less than what they are compared with by chance, nothing can be said.
            let of = |timing: &Self| (timing.rounds[round] - base(round)).max(0.01);
            of(self) / of(other)
        });
        Quartiles::of(shares).median
    }
}

impl Case {
    /// Of calls on one thread, which differ by more than chance.
    pub(crate) fn new(name: &'static str, about: &'static str, contestants: fn() -> Vec<Contestant>) -> Self {
        Self { name, about, rounds: 1, length: 1, clock: Clock::Thread, contestants }
    }

    /// Of calls on several threads, which have to begin first.
    pub(crate) fn of_threads(name: &'static str, about: &'static str, contestants: fn() -> Vec<Contestant>) -> Self {
        Self { length: 10, clock: Clock::Wall, ..Self::new(name, about, contestants) }
    }

    pub(crate) fn measure(&self, effort: Effort) -> Vec<Timing> {
        let mut contestants: Vec<_> = (self.contestants)()
            .into_iter()
            .map(|mut contestant| (calls_in(&mut contestant, self.clock, effort.batch * self.length), contestant))
            .collect();
        let mut timings: Vec<Timing> = contestants
            .iter()
            .map(|(_, contestant)| Timing { who: contestant.who.clone(), rounds: Vec::new() })
            .collect();
        for round in 0..effort.rounds * self.rounds {
            // Nobody is always the one after the slow one.
            let first = round % contestants.len();
            for turn in 0..contestants.len() {
                let nth = (first + turn) % contestants.len();
                let (calls, contestant) = &mut contestants[nth];
                let took = self.clock.time(|| (contestant.run)(*calls));
                timings[nth].rounds.push(took.as_nanos() as f64 / *calls as f64);
            }
        }
        timings
    }
}

/// So many calls take about so long; warms up on the way.
fn calls_in(contestant: &mut Contestant, clock: Clock, batch: Duration) -> u64 {
    // The first call of ours finds its policy in the registry, which takes as long as ten thousand others.
    (contestant.run)(100);
    let mut calls = 100;
    loop {
        let took = clock.time(|| (contestant.run)(calls));
        if took >= batch / 4 {
            return ((calls as f64 * batch.as_secs_f64() / took.as_secs_f64()) as u64).max(100);
        }
        calls *= 2;
    }
}

/// The thread that calls are made on, for all alike.
pub(crate) fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The two workers, the same for all: a program has one runtime, and whoever counts by threads counts on there being as many as cores.
pub(crate) fn two_workers() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    })
}

/// Makes its calls one after the other on one thread, awaited where they are written, as in a user's function.
///
/// What is given to a call and what it returns go through `black_box`, so that nothing of it can be left out, merged or moved.
macro_rules! calls {
    ($who:expr, |$call:ident| $body:expr) => {
        $crate::contest::calls!($who, $crate::subject::succeeding, |$call| $body)
    };
    ($who:expr, $input:expr, |$call:ident| $body:expr) => {{
        let runtime = $crate::contest::current_thread();
        $crate::contest::Contestant::new($who, move |calls| {
            runtime.block_on(async {
                for nth in 0..calls {
                    let $call = std::hint::black_box($input(nth));
                    let result = $body;
                    std::hint::black_box(&result);
                }
            })
        })
    }};
}

/// As `calls`, by so many tasks on two workers at once, each making its share. Several yield now and then, as tasks do: of two that never do, both may
/// stay with one worker. One alone does not: it stands for one worker, and each time it would move to the other.
macro_rules! tasks {
    ($who:expr, $tasks:expr, $input:expr, |$call:ident| $body:expr) => {{
        let runtime = $crate::contest::two_workers();
        let tasks: u64 = $tasks;
        $crate::contest::Contestant::new($who, move |calls| {
            let each = calls / tasks;
            runtime.block_on(async {
                let tasks: Vec<_> = (0..tasks)
                    .map(|_| {
                        tokio::spawn(async move {
                            for nth in 0..each {
                                let $call = std::hint::black_box($input(nth));
                                let result = $body;
                                std::hint::black_box(&result);
                                if tasks > 1 && nth % 20_000 == 19_999 {
                                    tokio::task::yield_now().await;
                                }
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.expect("no call panics");
                }
            })
        })
    }};
}

pub(crate) use {calls, tasks};
