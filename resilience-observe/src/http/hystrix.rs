//! The stream that the dashboard of Hystrix reads.

use super::asked::Asked;
use super::problem::Problem;
use crate::hystrix::{Looking, refusal};
use crate::observer::Observer;
use crate::watch::Connection;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

pub(super) fn stream(observer: &Observer, asked: &Asked) -> Result<Response, Problem> {
    let parameters = asked.parameters(&["delay"])?;
    let delay = parameters.parsed("delay")?.unwrap_or(500);
    if !(100..=10_000).contains(&delay) {
        return Err(Problem::bad_request("the parameter `delay` must be between 100 and 10000 milliseconds"));
    }
    let Some(looking) = observer.hystrix().begin() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal()).with(header::RETRY_AFTER, "5"));
    };
    let (delay, next) = (Duration::from_millis(delay), Box::pin(sleep(Duration::ZERO)));
    let messages = Messages { looking, connection: asked.connection.clone(), delay, next };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream;charset=UTF-8"),
        (header::PRAGMA, "no-cache"),
        // Some proxies would wait for more of it before they hand it on.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(messages)).into_response())
}

/// All there is to tell, again and again.
struct Messages {
    looking: Looking,
    connection: Option<Connection>,
    delay: Duration,
    next: Pin<Box<Sleep>>,
}

impl Stream for Messages {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        ready!(self.next.as_mut().poll(context));
        // It is asked for more only where what it said before was taken.
        self.connection.iter().for_each(Connection::takes);
        let delay = self.delay;
        self.next.as_mut().reset(Instant::now() + delay);
        Poll::Ready(Some(Ok(self.looking.messages(delay))))
    }
}

#[cfg(all(test, feature = "listen"))]
mod tests {
    use super::*;
    use crate::hystrix::Hystrix;
    use crate::program::Program;
    use resilience_runtime::testing::Scope;
    use std::future::poll_fn;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn a_connection_lasts_while_messages_are_taken_one_each_delay() {
        let registry = Scope::new().registry();
        let hystrix = Hystrix::new(&registry, &Arc::new(Program::of(&registry)));
        let (looking, connection) = (hystrix.begin().unwrap(), Connection::default());
        let (delay, next) = (Duration::from_millis(700), Box::pin(sleep(Duration::ZERO)));
        let mut messages = Messages { looking, connection: Some(connection.clone()), delay, next };
        let mut take = async || {
            let begin = Instant::now();
            poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await.unwrap().unwrap();
            begin.elapsed().as_millis()
        };
        assert!(!connection.lasts());
        take().await;
        assert!(connection.lasts() && !connection.lasts());
        let waited = take().await;
        assert!((700..=701).contains(&waited) && connection.lasts(), "{waited}");
    }
}
