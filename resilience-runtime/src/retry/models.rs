//! Every interleaving and every stale read that the memory model allows, of the budget's few steps (loom). A window is of two seconds
//! here, with one free retry each.

use super::state::Budget;
use crate::sync::model;
use crate::window::Shard;
use loom::{sync::Arc, thread};

const NOW: u64 = 100;
const ALL: f64 = 100.0;

fn spend(budget: &Arc<Budget>, second: u64) -> thread::JoinHandle<bool> {
    let budget = Arc::clone(budget);
    thread::spawn(move || budget.spend(second, ALL))
}

/// Were each second's retries a number of its own, the one that still thinks it is the second before could miss the other's, and both
/// would get the last one.
#[test]
fn two_race_for_the_last_retry_at_the_turn_of_a_second() {
    model(|| {
        let budget = Arc::new(Budget::new());
        assert!(budget.spend(NOW, ALL));
        let other = spend(&budget, NOW);
        let here = budget.spend(NOW + 1, ALL);
        assert!(!(other.join().unwrap() && here), "three of two");
    });
}

/// Did `put_mark` not look at the second once more after it read the numbers, the late one could put down a mark of its second
/// that has the other's retry in it, and the next window would begin with that retry forgotten.
#[test]
fn a_late_mark_hides_no_retry() {
    model(|| {
        let budget = Arc::new(Budget::new());
        let late = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || budget.count_call(Shard(0), NOW))
        };
        let first = budget.spend(NOW + 1, 0.0);
        late.join().unwrap();
        // The window is these two seconds, of which two retries are free.
        let more = (0..3).filter(|_| budget.spend(NOW + 1, 0.0)).count();
        assert!(usize::from(first) + more <= 2, "three of two");
    });
}

/// A call that is counted while somebody retries is seen or not, and never makes room for two.
#[test]
fn a_call_races_a_retry() {
    model(|| {
        let budget = Arc::new(Budget::new());
        assert!(budget.spend(NOW, ALL) && budget.spend(NOW, ALL));
        let calling = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || budget.count_call(Shard(0), NOW))
        };
        let here = budget.spend(NOW, ALL);
        calling.join().unwrap();
        assert_eq!(budget.spend(NOW, ALL), !here);
    });
}
