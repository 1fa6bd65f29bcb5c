//! A metastable failure, and what ends it.
//!
//! A thousand clients ask a server that can do 200 requests a second for 160 a second. It hangs for ten seconds and is well again. The
//! clients give up on a request after a second, and those that simply try again ask for so much that the server, which works off its
//! queue in order, is busy with requests nobody waits for any more: it stays down although nothing is wrong with it. A retry
//! budget keeps what is asked below what the server can do, and a breaker lets it work off its queue.
//!
//! The time is virtual: five minutes take a second or two. `cargo run -p examples --features virtual-time --bin retry_storm [FILE.svg]`

mod plot;

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use resilience_runtime::{Rejection, circuit_breaker, retry, timeout};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

const CLIENTS: u32 = 1000;
/// Requests that the clients would make if all went well.
const DEMAND_PER_SECOND: u32 = 160;
const CAPACITY_PER_SECOND: u32 = 200;
const OUTAGE: std::ops::Range<u64> = 60..70;
const SECONDS: u64 = 300;

#[derive(Clone, Debug, thiserror::Error)]
enum Unanswered {
    #[error("the server is gone")]
    Gone,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// A server with one worker and a queue without bound, as many are. It cannot know that a client has given up.
#[derive(Debug, Default)]
struct Server {
    queue: Mutex<VecDeque<oneshot::Sender<()>>>,
    arrived: Notify,
    asked: Mutex<Vec<u32>>,
}

impl Server {
    async fn ask(&self, second: u64) -> Result<(), Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.asked.lock().unwrap()[second as usize] += 1;
        self.queue.lock().unwrap().push_back(answer);
        self.arrived.notify_one();
        answered.await.map_err(|_| Unanswered::Gone)
    }

    async fn work(&self, start: Instant) {
        loop {
            let now = start.elapsed().as_secs();
            if OUTAGE.contains(&now) {
                sleep_until(start + Duration::from_secs(OUTAGE.end)).await;
            }
            let next = self.queue.lock().unwrap().pop_front();
            match next {
                Some(answer) => {
                    sleep(Duration::from_secs(1) / CAPACITY_PER_SECOND).await;
                    // Nobody waits any more for most of them in a storm.
                    let _ = answer.send(());
                }
                None => self.arrived.notified().await,
            }
        }
    }
}

/// Tries again, as most do.
#[retry(attempts = 4, delay = "200ms")]
#[timeout("1s")]
async fn ask_stubbornly(server: &Server, start: Instant) -> Result<(), Unanswered> {
    server.ask(start.elapsed().as_secs().min(SECONDS - 1)).await
}

/// Tries again while that is a small share of what it asks, and leaves a server alone that does not answer.
#[retry(attempts = 4, delay = "200ms", budget = 10)]
#[circuit_breaker(failure_rate = 50, window = "5s", open_for = "2s", half_open_calls = 5)]
#[timeout("1s")]
async fn ask_carefully(server: &Server, start: Instant) -> Result<(), Unanswered> {
    server.ask(start.elapsed().as_secs().min(SECONDS - 1)).await
}

/// What happened in each second.
#[derive(Debug)]
pub(crate) struct Course {
    /// Requests that reached the server.
    asked: Vec<u32>,
    /// Calls that a client began then and that were answered.
    answered: Vec<u32>,
}

async fn run(carefully: bool) -> Course {
    let start = Instant::now();
    let server = Arc::new(Server { asked: Mutex::new(vec![0; SECONDS as usize]), ..Server::default() });
    let worker = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.work(start).await }
    });
    let answered = Arc::new(Mutex::new(vec![0; SECONDS as usize]));
    let pause = Duration::from_secs(1) * CLIENTS / DEMAND_PER_SECOND;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (server, answered) = (Arc::clone(&server), Arc::clone(&answered));
            tokio::spawn(async move {
                // Spread evenly, and each with its next request whether the last was answered or not.
                let mut due = start + pause * client / CLIENTS;
                while due < start + Duration::from_secs(SECONDS) {
                    sleep_until(due).await;
                    let second = due.duration_since(start).as_secs() as usize;
                    let (server, answered) = (Arc::clone(&server), Arc::clone(&answered));
                    tokio::spawn(async move {
                        let answer = match carefully {
                            true => ask_carefully(&server, start).await,
                            false => ask_stubbornly(&server, start).await,
                        };
                        if answer.is_ok() {
                            answered.lock().unwrap()[second] += 1;
                        }
                    });
                    due += pause;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("a client does not panic");
    }
    // The last calls may take four seconds of attempts and some waits.
    sleep(Duration::from_secs(10)).await;
    worker.abort();
    let (asked, answered) = (server.asked.lock().unwrap().clone(), answered.lock().unwrap().clone());
    Course { asked, answered }
}

/// The mean of a stretch of seconds.
fn mean(per_second: &[u32], seconds: std::ops::Range<usize>) -> f64 {
    let length = seconds.len() as f64;
    f64::from(per_second[seconds].iter().sum::<u32>()) / length
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime with a timer alone needs nothing from the system")
}

fn main() -> ExitCode {
    let [stubborn, careful] = [false, true].map(|carefully| paused().block_on(run(carefully)));
    println!(
        "{CLIENTS} clients, {DEMAND_PER_SECOND} requests a second, a server for {CAPACITY_PER_SECOND}, down from {}s to {}s",
        OUTAGE.start, OUTAGE.end
    );
    println!("\n{:28} {:>16} {:>16} {:>16}", "a second", "before (0-60s)", "after (80-140s)", "late (240-300s)");
    for (name, course) in [("retries", &stubborn), ("retries, budget, breaker", &careful)] {
        for (what, per_second) in [("asked", &course.asked), ("answered in time", &course.answered)] {
            let [before, after, late] = [0..60, 80..140, 240..300].map(|seconds| mean(per_second, seconds));
            println!("{name:>24}: {what:18} {before:10.1} {after:16.1} {late:16.1}");
        }
    }

    let file = std::env::args().nth(1).unwrap_or_else(|| "target/retry_storm.svg".to_owned());
    if let Err(error) = std::fs::write(&file, plot::svg(&stubborn, &careful)) {
        eprintln!("retry_storm: {file}: {error}");
        return ExitCode::FAILURE;
    }
    println!("\nthe course of both is drawn in {file}");

    let late = |course: &Course| mean(&course.answered, 240..300) / f64::from(DEMAND_PER_SECOND);
    let (stubborn, careful) = (late(&stubborn), late(&careful));
    println!(
        "answered in the last minute: {:.0} % with retries alone, {:.0} % with budget and breaker",
        stubborn * 100.0,
        careful * 100.0
    );
    // The demonstration is one only if it comes out so.
    if stubborn < 0.1 && careful > 0.95 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
