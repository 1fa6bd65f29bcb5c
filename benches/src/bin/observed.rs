//! Being observed costs a call nothing: its instructions while nobody looks and beside an observer, counted in the same program by valgrind's callgrind.

#[path = "../collected.rs"]
mod collected;

use clap::{Parser, ValueEnum};
use collected::collected;
use resilience_observe::{Access, History, Observer};
use resilience_runtime::{EventFilter, Rejection, Topic, circuit_breaker, registry};
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write, stdout};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Counts the instructions of calls, with nobody who looks and beside an observer; fails where they are not the same.
#[derive(Parser)]
struct Flags {
    /// Makes these calls, for callgrind to count.
    #[arg(hide = true, requires = "beside")]
    calls: Option<Calls>,
    #[arg(hide = true)]
    beside: Option<Beside>,
}

/// What is called: a closed breaker and an open one. Where the instance of a key is found is another place in each program.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Calls {
    Closed,
    Open,
}

/// Who looks meanwhile.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Beside {
    Nobody,
    /// An observer with a history, ten who read its stream of samples, and one who asks for all metrics again and again.
    Observer,
    /// A reader who is told of each rejection. It does cost something, which shows that this would be seen.
    Reader,
}

/// So many that what happens once a second is nothing beside them.
const CALLS: u64 = 200_000;
/// Instructions a call that are no difference.
const NOTHING: f64 = 0.5;
/// Those who read a stream.
const STREAMS: usize = 10;
/// Between two times that all metrics are asked for.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug)]
struct Rejected;

impl From<Rejection> for Rejected {
    fn from(_: Rejection) -> Self {
        Self
    }
}

#[circuit_breaker]
async fn closed(call: u64) -> Result<u64, Rejected> {
    Ok(call + 1)
}

#[circuit_breaker("open")]
async fn open(call: u64) -> Result<u64, Rejected> {
    Ok(call + 1)
}

fn main() -> ExitCode {
    let Flags { calls, beside } = Flags::parse();
    if let (Some(calls), Some(beside)) = (calls, beside) {
        make(calls, beside);
        return ExitCode::SUCCESS;
    }
    match check() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether each call takes what it takes while nobody looks.
fn check() -> Result<bool, String> {
    let mut all_equal = true;
    for calls in [Calls::Closed, Calls::Open] {
        let (alone, observed) = (a_call(calls, Beside::Nobody)?, a_call(calls, Beside::Observer)?);
        let is_equal = (observed - alone).abs() < NOTHING;
        all_equal &= is_equal;
        let verdict = if is_equal { "" } else { ": NOT THE SAME" };
        say(&format!("{calls:?}: {alone:.1} instructions, and {observed:.1} beside an observer{verdict}"));
    }
    let (alone, told) = (a_call(Calls::Open, Beside::Nobody)?, a_call(Calls::Open, Beside::Reader)?);
    let is_seen = told > alone + NOTHING;
    let verdict = if is_seen { "" } else { ": THAT WOULD NOT BE SEEN" };
    say(&format!("Open: {told:.1} where somebody is told of each rejection{verdict}"));
    Ok(all_equal && is_seen)
}

fn say(line: &str) {
    // Whoever reads no more wants no more.
    let _ = writeln!(stdout(), "{line}");
}

/// Instructions of one call.
fn a_call(calls: Calls, beside: Beside) -> Result<f64, String> {
    let word = |value: Option<clap::builder::PossibleValue>| {
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    };
    let (calls, beside) = (word(calls.to_possible_value()), word(beside.to_possible_value()));
    // Those of this function alone, on the thread that is in it.
    let collected = collected(&["--toggle-collect=observed::make_calls*"], &[&calls, &beside])?;
    if collected <= CALLS {
        return Err(format!("callgrind counted {collected} instructions of {CALLS} calls"));
    }
    Ok(collected as f64 / CALLS as f64)
}

fn make(calls: Calls, beside: Beside) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    registry().prepare();
    registry().circuit_breaker("open").expect("it is prepared").force_open();
    let _told = match beside {
        Beside::Nobody => None,
        Beside::Observer => {
            observe();
            None
        }
        Beside::Reader => Some(registry().subscribe_with(EventFilter::of([Topic::Rejected]))),
    };
    make_calls(&runtime, calls);
}

/// One after the other, awaited where they are written, as in a user's function. What is given to a call and what it returns go through `black_box`, so that nothing of it can be left out, merged or moved.
#[inline(never)]
fn make_calls(runtime: &Runtime, calls: Calls) {
    let each = 0..CALLS;
    runtime.block_on(async {
        match calls {
            Calls::Closed => {
                for nth in each {
                    black_box(&closed(black_box(nth)).await);
                }
            }
            Calls::Open => {
                for nth in each {
                    black_box(&open(black_box(nth)).await);
                }
            }
        }
    });
}

/// From now on, until the program ends.
fn observe() {
    let observer = Observer::builder(registry()).history(History::DEFAULT).build().expect("nothing was chosen");
    let address = observer.listen("127.0.0.1:0", Access::read_only()).expect("a port").address();
    for _ in 0..STREAMS {
        let mut lines = BufReader::new(ask(address, "/api/v1/stream?sample=1")).lines().map_while(Result::ok);
        // Samples are taken for whoever has read one.
        assert!(lines.any(|line| line == "event: sample"), "a stream has samples");
        thread::spawn(move || lines.count());
    }
    thread::spawn(move || {
        loop {
            let mut answer = String::new();
            ask(address, "/metrics").read_to_string(&mut answer).expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            thread::sleep(PAUSE);
        }
    });
}

fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
    stream
}
