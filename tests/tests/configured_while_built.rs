//! Policies that are built while a configuration is put in force. A process of its own, since it leaves thousands of them behind.

use resilience_runtime::{CircuitBreaker, State, registry};
use std::sync::Barrier;

const ROUNDS: u32 = 99;
const EACH: u32 = 20;

/// Were the layers replaced after the existing breakers were listed, one that is built between the two would keep the older ones.
#[test]
fn what_is_built_while_a_file_is_put_in_force_gets_it() {
    let name = |round: u32, thread: u32, nth: u32| format!("{round} {thread} {nth}");
    for rate in 1..=ROUNDS {
        let text = format!("[circuit_breaker.\"*\"]\nfailure_rate = {rate}\nforce_open = {}", rate % 2 == 0);
        let begin = Barrier::new(3);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let begin = &begin;
                scope.spawn(move || {
                    begin.wait();
                    for nth in 0..EACH {
                        CircuitBreaker::builder(name(rate, thread, nth)).register().unwrap();
                    }
                });
            }
            begin.wait();
            registry().configure_from_str(&text).unwrap();
        });
        for (thread, nth) in (0..2).flat_map(|thread| (0..EACH).map(move |nth| (thread, nth))) {
            let snapshot = registry().circuit_breaker(&name(rate, thread, nth)).unwrap().snapshot();
            assert_eq!(snapshot.settings[0].value, rate.to_string());
            assert_eq!(snapshot.state == State::ForcedOpen, rate % 2 == 0);
        }
    }
}
