//! Where a call may be made: with a standard error that is full, and while its thread ends. Each test starts this program again.

use resilience_runtime::{
    Event, EventFilter, Rejection, State, Topic, bulkhead, circuit_breaker, fallback, rate_limit, registry,
};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

#[circuit_breaker("surroundings: twice", failure_rate = 50)]
fn charge() -> Result<u32, Rejection> {
    Ok(1)
}

#[circuit_breaker("surroundings: twice", failure_rate = 60)]
async fn refund() -> Result<u32, Rejection> {
    Ok(2)
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it is down")]
    Down,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[circuit_breaker("surroundings: stack", consecutive_failures = 2)]
#[bulkhead(10)]
#[rate_limit("1000000/s", burst = 1000000)]
fn stack(fails: bool) -> Result<u32, Error> {
    if fails { Err(Error::Down) } else { Ok(3) }
}

#[circuit_breaker("surroundings: keyed", consecutive_failures = 2, key = key)]
#[fallback(instead)]
fn keyed(key: &str, fails: bool) -> Result<u32, Error> {
    if fails { Err(Error::Down) } else { Ok(4) }
}

fn instead(_: &str, _: bool) -> Result<u32, Error> {
    Ok(5)
}

/// Of this program, with the test of that name alone.
fn output_of(test: &str, stderr: Stdio) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", test, "--nocapture"]).stderr(stderr);
    child.output().unwrap()
}

#[test]
#[ignore = "started by another"]
fn child_with_two_configurations() {
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Conflict]));
    assert_eq!(charge(), Ok(1));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(refund()), Ok(2));
    let told = std::iter::from_fn(|| events.try_recv());
    assert_eq!(told.filter(|event| matches!(event, Event::Conflict { .. })).count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_error_harms_no_call() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = output_of("child_with_two_configurations", full.into());
    assert!(output.status.success(), "{output:?}");
    // Nor one that is closed.
    let program = std::env::current_exe().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" 2>&-"]).arg(program);
    let closed = shell.args(["--ignored", "--exact", "child_with_two_configurations"]).output().unwrap();
    assert!(closed.status.success(), "{closed:?}");
    // Or that nobody reads.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = output_of("child_with_two_configurations", writer.into());
    assert!(output.status.success(), "{output:?}");
    // It would be there, had there been room.
    let output = output_of("child_with_two_configurations", Stdio::piped());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("`surroundings: twice`: configured differently").count(), 1, "{said}");
}

static MADE: AtomicU32 = AtomicU32::new(0);

/// Calls everything when its thread ends, when the thread-locals that were used after it are gone already.
struct Last(u32);

impl Drop for Last {
    fn drop(&mut self) {
        calls(self.0);
        MADE.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
}

fn calls(thread: u32) {
    let key = format!("of thread {thread}");
    assert_eq!((charge(), stack(false), keyed(&key, false)), (Ok(1), Ok(3), Ok(4)));
    // A key that is known opens, is told of, and closes.
    let mut events = registry().subscribe();
    for _ in 0..2 {
        assert_eq!(keyed(&key, true), Ok(5));
    }
    let of_key = registry().circuit_breaker("surroundings: keyed").unwrap().of_key(&key).unwrap();
    assert_eq!((of_key.state(), keyed(&key, false)), (State::Open, Ok(5)));
    assert!(std::iter::from_fn(|| events.try_recv()).count() > 0);
    of_key.reset();
    assert_eq!(keyed(&key, false), Ok(4));
    // A new one gets a breaker of its own, too.
    let new = format!("{key}, new {}", MADE.load(Ordering::Relaxed));
    assert_eq!(keyed(&new, false), Ok(4));
    assert!(registry().circuit_breaker("surroundings: keyed").unwrap().of_key(&new).is_some());
    assert_eq!((stack(true), stack(false)), (Err(Error::Down), Ok(3)));
    assert!(registry().snapshot().circuit_breakers.len() >= 3);
}

#[test]
#[ignore = "started by another"]
fn child_whose_threads_end() {
    (0..4).for_each(calls);
    let last = |thread| LAST.with(|last| *last.borrow_mut() = Some(Last(thread)));
    // Thread-locals go in the opposite order of their first use: after those of the library, before them, and where the first call of the thread is in the destructor.
    for (thread, order) in [[true, false], [false, true], [false, false]].into_iter().enumerate() {
        let thread = u32::try_from(thread).unwrap();
        std::thread::spawn(move || {
            if order[0] {
                last(thread);
                calls(thread);
            }
            if order[1] {
                calls(thread);
            }
            last(thread);
        })
        .join()
        .unwrap();
    }
    assert_eq!(MADE.load(Ordering::Relaxed), 4);
}

#[test]
fn a_call_in_a_destructor_of_an_ending_thread_is_a_call() {
    let output = output_of("child_whose_threads_end", Stdio::piped());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
