//! The span of a guarded call, for whoever collects with `tracing`.
//!
//! Whoever collects is told when it begins, is entered, left and over, and may panic each time: the call does not notice.

use crate::caught::caught;
use crate::event::trace::{QuietSpan, SPAN_NAME, TARGET};
use crate::registry::Operation;
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::UnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Level, Span, dispatcher};
use tracing_core::callsite::{DefaultCallsite, Identifier};
use tracing_core::field::{FieldSet, Value};
use tracing_core::metadata::{Kind, Metadata};

/// Those that are known when it begins come first.
const FIELDS: &[&str] = &[
    "otel.name",
    "code.function.name",
    "code.file.path",
    "code.line.number",
    "otel.status_code",
    "error.type",
    "resilience.policy",
    "resilience.name",
    "resilience.key",
    "resilience.probe",
    "resilience.would_reject",
    "resilience.attempts",
    "resilience.elapsed_ms",
    "resilience.fallback",
    "resilience.fallback.reason",
    "resilience.fallback.cause",
    "resilience.cause",
];

/// Without a place of its own: who collects would add that of this file to the fields that say where the guarded function is, under the same names.
static METADATA: Metadata<'static> = Metadata::new(
    SPAN_NAME,
    TARGET,
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(FIELDS, Identifier(&CALLSITE)),
    Kind::SPAN,
);

static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);

/// As the macros of `tracing` find it out.
fn is_wanted() -> bool {
    Level::INFO <= STATIC_MAX_LEVEL && Level::INFO <= LevelFilter::current() && {
        let interest = CALLSITE.interest();
        !interest.is_never() && (interest.is_always() || dispatcher::get_default(|of| of.enabled(&METADATA)))
    }
}

/// The span of one guarded call. What is not known yet is recorded when it is.
fn of(operation: &'static Operation) -> QuietSpan {
    let span = || {
        if !is_wanted() {
            return Span::none();
        }
        let (path, line) = (operation.path(), i64::from(operation.line()));
        let known: [&dyn Value; 4] = [&operation.function(), &path, &operation.file(), &line];
        let fields = METADATA.fields();
        let mut names = fields.iter();
        let values = known.map(|value| (names.next().expect("there are more names than these"), Some(value)));
        Span::new(&METADATA, &fields.value_set(&values.each_ref().map(|(name, value)| (name, *value))))
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
