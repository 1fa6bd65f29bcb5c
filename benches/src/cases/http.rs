//! A real call: reqwest to axum over loopback, with and without the whole stack.

use crate::clock::Clock;
use crate::contest::{BARE, Case, Contestant, calls};
use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) fn case() -> Case {
    let about = "GET over loopback, one after the other: reqwest to axum, each on a thread";
    // The difference is a few hundred nanoseconds of some ten thousand.
    Case { rounds: 8, clock: Clock::Wall, ..Case::new("http", about, contestants) }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

async fn get(client: &reqwest::Client, url: &str) -> Result<u64, Error> {
    Ok(client.get(url).send().await?.error_for_status()?.bytes().await?.len() as u64)
}

#[retry]
#[circuit_breaker]
#[bulkhead(25)]
#[rate_limit("1000000000/s")]
#[timeout("1s")]
#[fallback(none)]
async fn get_guarded(client: &reqwest::Client, url: &str) -> Result<u64, Error> {
    Ok(client.get(url).send().await?.error_for_status()?.bytes().await?.len() as u64)
}

fn none(_: &reqwest::Client, _: &str) -> Result<u64, Error> {
    Ok(0)
}

/// The server, on a thread of its own for as long as the program runs.
fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                tell.send(listener.local_addr().expect("it is bound")).expect("somebody waits");
                let app = axum::Router::new().route("/", axum::routing::get(|| async { "answered" }));
                axum::serve(listener, app).await.expect("it serves");
            });
        });
        format!("http://{}/", told.recv().expect("the server is up"))
    })
}

fn contestants() -> Vec<Contestant> {
    let client = || reqwest::Client::builder().no_proxy().build().expect("a client");
    let (bare, guarded, timed, url) = (client(), client(), client(), url());
    let within = Duration::from_secs(1);
    vec![
        calls!(BARE, |_call| get(&bare, url).await.expect("it answers")),
        calls!("ours: all six", |_call| get_guarded(&guarded, url).await.expect("it answers")),
        // What of it is the timer, which a runtime looks at whenever it has nothing to do.
        calls!("tokio::time::timeout alone", |_call| {
            tokio::time::timeout(within, get(&timed, url)).await.expect("in time").expect("it answers")
        }),
    ]
}
