//! Being observed costs a call nothing: beside ten streams and a history, a call through a closed breaker and a rejection by an open one do what they do without.
//!
//! What could cost them something is an event made for a reader, and making one allocates. So the allocations of the calling thread are counted.
#![cfg(feature = "listen")]

mod counting;

use counting::allocations;
use resilience_observe::{Access, History, Observer};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, EventFilter, Topic};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

fn allocations_of(act: impl FnOnce()) -> u64 {
    let before = allocations();
    act();
    allocations() - before
}

#[test]
fn ten_streams_and_a_history_cost_a_call_and_a_rejection_nothing() {
    let scope = Scope::new();
    let entered = scope.enter();
    let closed = CircuitBreaker::builder("closed").register().unwrap();
    let open = CircuitBreaker::builder("open").register().unwrap();
    open.force_open();
    drop(entered);
    let call = || (0..10_000).for_each(|_| closed.try_acquire().unwrap().success());
    let reject = || (0..10_000).for_each(|_| drop(open.try_acquire().unwrap_err()));
    // What happens for the first time may allocate.
    call();
    reject();

    let observer = Observer::builder(scope.registry()).history(History::DEFAULT).build().unwrap();
    let listening = observer.listen("127.0.0.1:0", Access::read_only()).unwrap();
    let streams: Vec<_> = (0..10)
        .map(|_| {
            let mut stream = TcpStream::connect(listening.address()).unwrap();
            write!(stream, "GET /api/v1/stream?sample=1 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut lines = BufReader::new(stream).lines();
            // They are watching once they have begun to be told.
            assert!(lines.any(|line| line.unwrap() == "event: hello"));
            lines
        })
        .collect();

    assert_eq!(allocations_of(call), 0);
    assert_eq!(allocations_of(reject), 0);

    // The count does notice a reader who wants to be told of each.
    let events = scope.registry().subscribe_with(EventFilter::of([Topic::Rejected]));
    assert!(allocations_of(reject) > 0);
    drop((events, streams));
}
