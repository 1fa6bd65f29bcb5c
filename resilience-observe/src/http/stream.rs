//! What happens, as it happens: server-sent events, for as long as somebody reads them.
//!
//! A reader has no queue. It knows the id that it has read up to, and takes from the journal what came since; so one that is slow costs nothing, and is told how much it has
//! missed when that is kept no more.

use super::asked::Asked;
use super::problem::Problem;
use crate::journal::Wanted;
use crate::observer::Observer;
use crate::sample_rows::COLUMNS;
use crate::watch::Watcher;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long nothing is said at most.
const SILENCE: Duration = Duration::from_secs(10);
/// How often a sample has all rows, and not those alone that have changed.
const ALL_ROWS: Duration = Duration::from_secs(30);
/// Events in one piece.
const AT_ONCE: usize = 64;

pub(super) fn stream(observer: &Observer, asked: &Asked, headers: &HeaderMap) -> Result<Response, Problem> {
    let parameters = asked.parameters(&["topic", "name", "after", "sample"])?;
    let wanted = Wanted { topics: parameters.topics()?, name: parameters.pattern("name")? };
    let has_samples = match parameters.text("sample") {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err(Problem::bad_request("the parameter `sample` must be 0 or 1")),
    };
    // Where a browser's own reader goes on, it says so in a header.
    let resumed = headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok()));
    let after = match resumed {
        Some(Some(id)) => Some(id),
        Some(None) => return Err(Problem::bad_request("the header `Last-Event-ID` must be the id of an event")),
        None => parameters.parsed::<u64>("after")?,
    };
    let Some(watcher) = observer.watch().join(asked.connection.clone(), has_samples) else {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many streams are read; try again later");
        return Err(problem.with(header::RETRY_AFTER, "5"));
    };
    let (first, last) = observer.watch().journal.ids();
    // An id that was never given is one of an earlier run of the program, to whose reader everything is new.
    let reached = after.map_or(last, |after| if after > last { 0 } else { after });
    let stream = Events {
        observer: observer.clone(),
        watcher,
        wanted,
        is_trusted: asked.visitor.is_trusted,
        hello: Some(hello(observer, asked, first, last)),
        reached,
        samples: has_samples.then(Samples::default),
        spoke: Instant::now(),
    };
    // Some proxies would wait for more of it before they hand it on.
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, Body::from_stream(stream)).into_response())
}

fn hello(observer: &Observer, asked: &Asked, first: u64, last: u64) -> Value {
    let columns: serde_json::Map<_, _> =
        COLUMNS.iter().map(|(kind, columns)| (kind.as_str().to_owned(), json!(columns))).collect();
    json!({
        "instance": observer.instance(),
        // Where it is off, no token helps.
        "steering": asked.visitor.may_not_steer.as_ref().is_none_or(|problem| problem.status == StatusCode::UNAUTHORIZED),
        "started": observer.watch().began,
        "first": first,
        "last": last,
        "columns": columns,
    })
}

struct Events {
    observer: Observer,
    watcher: Arc<Watcher>,
    wanted: Wanted,
    is_trusted: bool,
    /// What it begins with.
    hello: Option<Value>,
    /// The id that was read last.
    reached: u64,
    samples: Option<Samples>,
    spoke: Instant,
}

#[derive(Default)]
struct Samples {
    last: u64,
    all_rows_at: Option<Instant>,
}

impl Stream for Events {
    type Item = Result<String, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // First, so that what comes while this looks is not missed.
        if !self.watcher.wait(context.waker()) {
            return Poll::Ready(None);
        }
        let mut text = String::new();
        self.say(&mut text);
        if text.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(text)))
    }
}

impl Events {
    fn say(&mut self, text: &mut String) {
        if let Some(hello) = self.hello.take() {
            text.push_str("retry: 2000\n\n");
            message(text, None, "hello", &hello.to_string());
        }
        let page = self.observer.watch().journal.page(Some(self.reached), &self.wanted, AT_ONCE);
        self.reached = page.reached;
        if page.missed > 0 {
            message(text, None, "gap", &json!({ "missed": page.missed }).to_string());
        }
        for entry in page.entries {
            message(text, Some(entry.id), entry.event.topic().as_str(), entry.json(self.is_trusted));
        }
        if let Some(samples) = &mut self.samples
            && let Some(sample) = self.observer.watch().rows()
            && sample.number > samples.last
        {
            let all_rows =
                sample.number > samples.last + 1 || samples.all_rows_at.is_none_or(|at| at.elapsed() >= ALL_ROWS);
            if all_rows {
                samples.all_rows_at = Some(Instant::now());
            }
            samples.last = sample.number;
            message(text, None, "sample", &sample.json(all_rows, self.wanted.name.as_ref()));
        }
        if self.spoke.elapsed() >= SILENCE {
            text.push_str(": still here\n\n");
            self.spoke = Instant::now();
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.observer.watch().leave(&self.watcher);
    }
}

/// No JSON has the end of a line in it.
fn message(text: &mut String, id: Option<u64>, event: &str, data: &str) {
    // Writing to a `String` does not fail.
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    let _ = write!(text, "event: {event}\ndata: {data}\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::KEPT;
    use resilience_runtime::CircuitBreaker;
    use resilience_runtime::testing::Scope;
    use std::task::Waker;

    /// What a reader is told who has read up to that id of as many events as are kept and three more.
    fn begun(reached: u64) -> (Events, String) {
        let scope = Scope::new();
        let breaker = {
            let _entered = scope.enter();
            CircuitBreaker::builder("one").register().unwrap()
        };
        let observer = Observer::new(scope.registry());
        breaker.force_open();
        let journal = &observer.watch().journal;
        let event = journal.page(None, &all(), 1).entries[0].event.clone();
        let more = KEPT as u64 + 3 - journal.ids().1;
        journal.catch_up((0..more).map(|_| event.clone()));
        let watcher = observer.watch().join(None, false).unwrap();
        let (is_trusted, hello, samples, spoke) = (false, None, None, Instant::now());
        let mut events = Events { observer, watcher, wanted: all(), is_trusted, hello, reached, samples, spoke };
        let told = match Pin::new(&mut events).poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(told))) => told,
            other => panic!("{other:?}"),
        };
        (events, told)
    }

    fn all() -> Wanted {
        Wanted { topics: Vec::new(), name: None }
    }

    #[test]
    fn a_reader_is_told_of_every_event_that_is_kept_no_more() {
        for (reached, gap) in
            [(3, ""), (2, "event: gap\ndata: {\"missed\":1}\n\n"), (0, "event: gap\ndata: {\"missed\":3}\n\n")]
        {
            let (_, told) = begun(reached);
            assert!(told.starts_with(&format!("{gap}id: 4\n")), "{reached}: {}", &told[..80]);
        }
    }

    #[test]
    fn whoever_has_heard_nothing_for_long_is_told_once_that_it_goes_on() {
        let (mut events, _) = begun(3);
        let next = |events: &mut Events| {
            Pin::new(events).poll_next(&mut Context::from_waker(Waker::noop())).map(|next| next.map(Result::unwrap))
        };
        while next(&mut events).is_ready() {}
        let long_ago = Instant::now().checked_sub(SILENCE);
        events.spoke = long_ago.expect("the machine runs for longer than ten seconds");
        assert_eq!(next(&mut events), Poll::Ready(Some(": still here\n\n".to_owned())));
        assert_eq!(next(&mut events), Poll::Pending);
    }

    #[test]
    fn a_stream_whose_reader_was_let_go_of_ends() {
        let (mut events, _) = begun(3);
        events.observer.watch().leave(&events.watcher);
        let next = Pin::new(&mut events).poll_next(&mut Context::from_waker(Waker::noop()));
        assert_eq!(next, Poll::Ready(None));
    }
}
