//! The span of a guarded call, for whoever collects with `tracing`.
//!
//! Whoever collects is told when it begins, is entered, left and over, and may panic each time: the call does not notice.

use crate::caught::caught;
use crate::event::trace::{QuietSpan, TARGET};
use crate::registry::Operation;
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::UnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use tracing::{Span, field};

/// The span of one guarded call. What is not known yet is recorded when it is.
fn of(operation: &'static Operation) -> QuietSpan {
    let span = || {
        tracing::info_span!(
            target: TARGET,
            "guarded_call",
            otel.name = operation.function(),
            code.function.name = operation.path(),
            code.file.path = operation.file(),
            code.line.number = operation.line(),
            resilience.policy = field::Empty,
            resilience.name = field::Empty,
            resilience.key = field::Empty,
            resilience.attempts = field::Empty,
            resilience.elapsed_ms = field::Empty,
            resilience.fallback = field::Empty,
            resilience.fallback.reason = field::Empty,
            error.r#type = field::Empty,
        )
    };
    QuietSpan(caught(span).unwrap_or_else(Span::none))
}

fn enter(span: &Span) {
    if !span.is_disabled() {
        caught(|| span.with_subscriber(|(id, collector)| collector.enter(id)));
    }
}

/// Also where entering has panicked: what had come so far as to hold the span for entered lets go of it.
fn exit(span: &Span) {
    if !span.is_disabled() {
        caught(|| span.with_subscriber(|(id, collector)| collector.exit(id)));
    }
}

/// Entered until it is dropped.
struct SpanEntered<'s>(&'s Span);

impl<'s> SpanEntered<'s> {
    fn new(span: &'s Span) -> Self {
        enter(span);
        Self(span)
    }
}

impl Drop for SpanEntered<'_> {
    fn drop(&mut self) {
        exit(self.0);
    }
}

/// The span of a call that is not async.
pub(crate) struct EnteredCall(QuietSpan);

impl EnteredCall {
    pub(crate) fn new(operation: &'static Operation) -> Self {
        let span = of(operation);
        enter(&span.0);
        Self(span)
    }
}

impl Drop for EnteredCall {
    fn drop(&mut self) {
        exit(&self.0.0);
    }
}

pin_project! {
    /// The future of [`in_span`](crate::private::in_span).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct InSpan<F> {
        // `None` once it is dropped, which happens in the span too.
        #[pin]
        call: Option<F>,
        span: QuietSpan,
    }

    impl<F> PinnedDrop for InSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = SpanEntered::new(&this.span.0);
            this.call.set(None);
        }
    }
}

impl<F> InSpan<F> {
    pub(crate) fn new(operation: &'static Operation, call: F) -> Self {
        Self { call: Some(call), span: of(operation) }
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = SpanEntered::new(&this.span.0);
        match this.call.as_pin_mut() {
            Some(call) => call.poll(context),
            None => Poll::Pending,
        }
    }
}

// A span is an id; what a subscriber makes of it is its own.
impl<F: UnwindSafe> UnwindSafe for InSpan<F> {}
