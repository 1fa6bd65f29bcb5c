//! What the circuit breakers, retries, bulkheads, timeouts and rate limits of a program have done, for Prometheus and for people.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! resilience_observe::listen("127.0.0.1:9911")?; // curl http://127.0.0.1:9911/metrics
//! # Ok(())
//! # }
//! ```
//!
//! or, in a program that has an [axum](https://docs.rs/axum) router already:
//!
//! ```
//! use axum::Router;
//! use resilience_observe::Observer;
//! use resilience_runtime::registry;
//!
//! let observer = Observer::new(registry());
//! let app: Router = Router::new().route("/metrics", observer.metrics_route());
//! ```
//!
//! Nothing is pushed: policies count as they always do, and are read when somebody asks. A call costs what it costs without an observer. Every series is there, at zero,
//! before the first call.
//!
//! [`families`] lists the metrics. `docs/observe.md` goes from an empty program to a graph of a breaker that opens.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `listen` (default) | [`listen`]: a port and a thread of their own, which answer while the program's runtime is stuck; enables `axum` |
//! | `opentelemetry` | [`Observer::meter`]: the same numbers as observable instruments |
//! | `files` | [`prometheus_rules`], [`alert_runbooks`] and [`grafana_board`]: alerts, [what to do when one tells](alerts), and a dashboard, for the label that was chosen; those for `service` are in the folder `files` |
//! | `axum` | [`Observer::metrics_route`] and [`Observer::router`], for a router of the program's own |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod advice;
#[cfg(feature = "files")]
mod files;
#[cfg_attr(not(feature = "axum"), allow(dead_code, reason = "the routes ask for more than advice does"))]
mod history;
#[cfg(feature = "axum")]
mod http;
#[cfg(feature = "axum")]
mod hystrix;
#[cfg(feature = "axum")]
mod journal;
#[cfg(feature = "listen")]
mod listener;
mod locked;
mod observer;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
#[cfg(feature = "axum")]
mod policies;
mod program;
mod reading;
mod rows;
#[cfg(feature = "axum")]
mod sample;
#[cfg(feature = "axum")]
mod sample_rows;
mod sampler;
mod settings;
mod table;
mod text;
#[cfg(feature = "axum")]
mod watch;

pub use advice::Advice;
#[cfg(feature = "files")]
pub use files::{RUNBOOKS, alert_runbooks, grafana_board, prometheus_rules};
#[cfg(feature = "axum")]
pub use http::{Access, InvalidToken, Refused, Token, Who};
#[cfg(feature = "listen")]
pub use listener::{Listening, listen};
pub use observer::{BuildError, Observer, ObserverBuilder};
pub use settings::{Aliases, History, KeySeries};
pub use table::{Family, MetricKind, families};
pub use text::TextFormat;

#[cfg(feature = "files")]
#[cfg_attr(docsrs, doc(cfg(feature = "files")))]
#[doc = include_str!("../files/alerts.md")]
pub mod alerts {}

/// What the page tells a newcomer to write compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/observe.md")]
mod page {}
