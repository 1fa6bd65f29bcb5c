//! The span of a guarded call, for whoever collects with `tracing`.

use crate::event::trace::TARGET;
use crate::registry::Operation;
use tracing::{Span, field};

/// The span of one guarded call. What is not known yet is recorded when it is.
pub(crate) fn of(operation: &'static Operation) -> Span {
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
}
