//! How a run is going: one small table that is redrawn on a terminal, a line a second elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use resilience_runtime::State;
use tokio::time::{MissedTickBehavior, interval};

use crate::breakers::{History, Reading};
use crate::load::Run;
use crate::servers::Service;
use crate::steering::Steering;

/// Where progress is shown, and how.
pub(crate) enum Progress {
    Table(Box<dyn Write + Send>),
    Lines(Box<dyn Write + Send>),
}

impl Progress {
    /// `json`: stdout is for the report alone.
    pub(crate) fn new(json: bool) -> Self {
        let (out, terminal): (Box<dyn Write + Send>, _) = if json {
            (Box::new(io::stderr()), io::stderr().is_terminal())
        } else {
            (Box::new(io::stdout()), io::stdout().is_terminal())
        };
        if terminal { Self::Table(out) } else { Self::Lines(out) }
    }

    /// Shows the run until it is dropped, and keeps the history up to date meanwhile.
    pub(crate) async fn show(mut self, run: &Run, history: &mut History, steering: &Steering) -> io::Result<()> {
        let mut ticks = interval(match self {
            Self::Table(_) => Duration::from_millis(200),
            Self::Lines(_) => Duration::from_secs(1),
        });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut drawn = false;
        loop {
            ticks.tick().await;
            history.catch_up();
            let news = steering.news();
            match &mut self {
                Self::Table(out) => {
                    let up = if drawn { format!("\x1b[{TABLE_HEIGHT}A") } else { String::new() };
                    // Above the table, which moves down for it.
                    let news = news.join("\n").lines().map(|line| format!("\x1b[2K{line}\n")).collect::<String>();
                    out.write_all(format!("{up}{news}{}", table(run)).as_bytes())?;
                    out.flush()?;
                }
                Self::Lines(out) => {
                    news.iter().try_for_each(|news| writeln!(out, "{news}"))?;
                    writeln!(out, "{}", line(run))?;
                }
            }
            drawn = true;
        }
    }
}

/// The lines of the table: two of the orders, one of headings, one a service.
const TABLE_HEIGHT: usize = 3 + Service::ALL.len();

/// Each line erases what it overwrites.
fn table(run: &Run) -> String {
    let mut text = format!("\x1b[2K{}\n\x1b[2K{}\n", clock(run), orders(run));
    let _ = writeln!(
        text,
        "\x1b[2K{:15} {:11} {:>7} {:>8} {:>8} {:>9}",
        "service", "state", "calls", "failing", "rejected", "fallbacks"
    );
    for service in Service::ALL {
        let reading = Reading::of(service);
        let colour = match reading.state {
            State::Closed => "\x1b[32m",
            State::HalfOpen => "\x1b[33m",
            _ => "\x1b[31m",
        };
        let _ = writeln!(
            text,
            "\x1b[2K{:15} {colour}{:11}\x1b[0m {:7} {:7.0}% {:8} {:9}",
            service.name(),
            reading.state.as_str(),
            reading.calls,
            reading.failure_rate,
            reading.rejected,
            reading.fallbacks
        );
    }
    text
}

/// Of the breakers, the one of the broken service, and any other that is not closed.
fn line(run: &Run) -> String {
    let mut text = format!("{}; {}", clock(run), orders(run));
    for service in Service::ALL {
        let Reading { state, failure_rate, rejected, .. } = Reading::of(service);
        if service == run.outage.service || state != State::Closed {
            let name = service.name();
            let _ = write!(text, "; {name} {}, {failure_rate:.0} % failing, {rejected} rejected", state.as_str());
        }
    }
    text
}

fn clock(run: &Run) -> String {
    let service = run.outage.service;
    let fault = run.servers[service as usize].fault().map_or("is well", |fault| fault.name());
    format!(
        "{:5.1}s of {}s  {} {fault}, {} payments waiting",
        run.start.elapsed().as_secs_f64(),
        run.duration.as_secs_f64(),
        service.name(),
        run.shop.payments.waiting()
    )
}

fn orders(run: &Run) -> String {
    let tally = run.tally();
    format!(
        "{} orders, {} completed, {} degraded, {} failed, {} given up",
        tally.orders, tally.completed, tally.degraded, tally.failed, tally.gave_up
    )
}
