//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::servers::{Fault, Service};

/// An order service that outlives its dependencies.
///
/// Inventory, payment, email and recommendations are HTTP servers on loopback ports. Orders arrive at a steady rate, whether the earlier
/// ones are answered or not. From 30 % to 60 % of the run one of the four is broken. At the end a report says what became of the orders.
#[derive(Debug, Parser)]
#[command(
    name = "storefront",
    after_help = "\
Faults:
  errors   nine answers in ten are 503
  slow     every answer takes 1.1 to 2 s longer, which is longer than the shop waits for any
  hang     no answer comes
  refuse   the port is closed

The exit code is 1 where an order was lost or a queued payment was not drained."
)]
pub(crate) struct Flags {
    /// How long orders arrive: 5s to 10m, in any form humantime reads ("20s", "1m 30s")
    #[arg(long, default_value = "20s", value_parser = duration, allow_hyphen_values = true)]
    pub(crate) duration: Duration,

    /// Orders a second: 20 to 1000
    #[arg(long, default_value_t = 200, value_parser = rate, allow_hyphen_values = true)]
    pub(crate) rate: u32,

    /// Which service breaks, and how: <inventory|payment|email|recommendations>=<errors|slow|hang|refuse>
    #[arg(long, default_value = "payment=errors", value_name = "SERVICE=FAULT")]
    pub(crate) outage: Outage,

    /// A whole number that every random choice follows from: the servers' latencies and which requests fail
    #[arg(long, default_value_t = 1, value_parser = seed, allow_hyphen_values = true)]
    pub(crate) seed: u64,

    /// A file that is followed and configures the breakers while they run; without it, resilience.toml of the current directory if there is one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where to serve metrics, health and policies while it runs, such as 127.0.0.1:9911: /metrics is for Prometheus. The breakers can be steered there by whoever has
    /// the token in the environment variable RESILIENCE_ADMIN_TOKEN
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) admin: Option<SocketAddr>,

    /// Print one JSON object to stdout at the end; progress goes to stderr
    #[arg(long)]
    pub(crate) json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write a duration such as 20s or 1m"))?;
    if (Duration::from_secs(5)..=Duration::from_secs(600)).contains(&duration) {
        Ok(duration)
    } else {
        Err("a run takes 5s to 10m".to_owned())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port such as 127.0.0.1:9911".to_owned())
}

fn rate(text: &str) -> Result<u32, String> {
    // Fewer would not fill the breakers' `minimum_calls` within their window of a second for sure.
    text.parse()
        .ok()
        .filter(|rate| (20..=1000).contains(rate))
        .ok_or_else(|| "write a whole number from 20 to 1000".to_owned())
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("write a whole number from 0 to {}", u64::MAX))
}

/// The fault that one service has for the middle of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) service: Service,
    pub(crate) fault: Fault,
}

impl FromStr for Outage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, fault) = text.split_once('=').ok_or("write service=fault, such as payment=hang")?;
        Ok(Self { service: one_of("service", service)?, fault: one_of("fault", fault)? })
    }
}

fn one_of<T: ValueEnum>(what: &str, text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let allowed: Vec<_> = T::value_variants()
            .iter()
            .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("there is no {what} `{text}`; write one of {}", allowed.join(", "))
    })
}
