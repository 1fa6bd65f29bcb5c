//! What calls, breakers and futures cost in memory. None of it jitters.

use crate::allocator::{asked_by, bytes_of};
use crate::contest::Case;
use crate::peers;
use crate::subject::Failed;
use crate::table::Table;
use resilience_runtime::{CircuitBreaker, Window, bulkhead, circuit_breaker, rate_limit, retry, timeout};

/// Allocations and bytes a call, of everybody in these cases.
pub(crate) fn allocations<'c>(cases: impl IntoIterator<Item = &'c Case>) -> Table {
    const CALLS: u64 = 1000;
    let mut table = Table::new(ALLOCATIONS, "what a call asks of the allocator", "allocations", &["bytes"]);
    for case in cases {
        for mut contestant in (case.contestants)() {
            (contestant.run)(10 * CALLS);
            let once = asked_by(|| (contestant.run)(CALLS));
            let twice = asked_by(|| (contestant.run)(2 * CALLS));
            let a_call = |once: u64, twice: u64| twice.saturating_sub(once) as f64 / CALLS as f64;
            table.exact(
                format!("{}: {}", case.name, contestant.who),
                a_call(once.allocations, twice.allocations),
                vec![Some(a_call(once.bytes, twice.bytes))],
            );
        }
    }
    table
}

pub(crate) const ALLOCATIONS: &str = "allocations";
pub(crate) const BREAKERS: &str = "bytes a breaker";
pub(crate) const KEYED: &str = "a million keyed calls";
pub(crate) const FUTURES: &str = "bytes of a future";

/// Ours of a time window and of a count window, without its name, and the peers'.
pub(crate) fn breakers() -> Table {
    let mut table = Table::new(BREAKERS, "itself and what it holds on the heap, without its name", "bytes", &[]);
    let ours = || CircuitBreaker::builder("a literal");
    let of_time = bytes_of(|| ours().build().expect("a sound configuration"));
    let of_count = bytes_of(|| ours().window(Window::Count(100)).build().expect("a sound configuration"));
    table.exact("ours, default (10 s)", of_time as f64, vec![]);
    table.exact("ours, count window of 100", of_count as f64, vec![]);
    for (peer, bytes) in peers::bytes_a_breaker() {
        table.exact(peer, bytes as f64, vec![]);
    }
    table
}

/// How many breakers a million keys leave behind.
pub(crate) fn keyed() -> Table {
    let mut table = Table::new(KEYED, "with a million different keys", "keys held", &["evicted", "bytes held"]);
    let family = CircuitBreaker::builder("a million keys").build().expect("a sound configuration");
    let runtime = crate::contest::current_thread();
    let asked = asked_by(|| {
        runtime.block_on(async {
            for key in 0..1_000_000_u64 {
                let _ = family.keyed(key).call(async { Ok::<_, Failed>(key) }).await;
            }
        });
    });
    let counts = family.snapshot().keys.expect("it has keys");
    table.exact(
        "ours, max_keys = 1024",
        counts.held as f64,
        vec![Some(counts.evicted as f64), Some(asked.held as f64)],
    );
    table
}

/// A body that waits, each policy around it, and what it may add by the goals.
macro_rules! futures {
    (|$values:ident| $($name:ident $may_add:expr; $(#[$attribute:meta])*)+) => {
        mod waiting {
            use super::*;

            $(
                $(#[$attribute])*
                pub(super) async fn $name($values: &[u64]) -> Result<u64, crate::subject::Error> {
                    tokio::task::yield_now().await;
                    Ok($values.len() as u64)
                }
            )+
        }

        fn sizes() -> Vec<(&'static str, usize, usize)> {
            vec![$((stringify!($name), size_of_val(&waiting::$name(&[])), $may_add)),+]
        }
    };
}

const POLICY: usize = 64;
const TIMER: usize = size_of::<tokio::time::Sleep>();
/// tokio's `Acquire`.
const QUEUE: usize = 88;

futures! {
    |values|
    bare 0;
    breaker POLICY; #[circuit_breaker]
    keyed POLICY; #[circuit_breaker(key = values.len())]
    retried POLICY + TIMER; #[retry]
    timed POLICY + TIMER; #[timeout("1s")]
    bulkheaded POLICY; #[bulkhead(5)]
    queued POLICY + TIMER + QUEUE; #[bulkhead(max_concurrent = 5, max_queue = 5)]
    limited POLICY; #[rate_limit("10/s")]
    stacked 4 * POLICY + 2 * TIMER; #[retry] #[circuit_breaker] #[bulkhead(5)] #[timeout("1s")]
}

pub(crate) fn futures() -> Table {
    let about = "each policy around a body that waits once; a queue's place has a timer as well, since its timeout may be set later";
    let mut table = Table::new(FUTURES, about, "bytes", &["over bare", "allowed over bare"]);
    let sizes = sizes();
    let bare = sizes[0].1;
    for (name, bytes, may_add) in sizes {
        table.exact(name, bytes as f64, vec![Some(bytes as f64 - bare as f64), Some(may_add as f64)]);
    }
    table
}
