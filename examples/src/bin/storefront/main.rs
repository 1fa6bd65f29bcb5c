//! An order service that outlives an outage of one of its dependencies. `--help` tells the story.

mod breakers;
mod flags;
mod load;
mod progress;
mod queue;
mod report;
mod servers;
mod shop;
mod steering;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use resilience_observe::{Access, Listening, Observer, Token};
use resilience_runtime::registry;

use crate::breakers::History;
use crate::flags::Flags;
use crate::load::Run;
use crate::progress::Progress;
use crate::report::Report;
use crate::servers::{Server, Service};
use crate::shop::Shop;
use crate::steering::Steering;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    match run(&flags).await {
        Ok(report) if report.nothing_is_lost() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("storefront: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever has the token may steer the breakers; without one in the environment, nobody.
fn serve(admin: SocketAddr) -> Result<Listening, Box<dyn Error>> {
    const TOKEN: &str = "RESILIENCE_ADMIN_TOKEN";
    let access = match std::env::var_os(TOKEN) {
        Some(_) => Access::steering(Token::from_env(TOKEN)?),
        None => Access::read_only(),
    };
    Ok(Observer::new(registry()).listen(admin, access)?)
}

async fn run(flags: &Flags) -> Result<Report, Box<dyn Error>> {
    if let Some(admin) = flags.admin {
        let listening = serve(admin).map_err(|error| format!("--admin {admin}: {error}"))?;
        eprintln!("metrics and health are at http://{}", listening.address());
    }
    let steering = Steering::follow(flags.config.as_deref())?;
    let mut servers = Vec::new();
    for service in Service::ALL {
        servers.push(Server::start(service, flags.seed).await?);
    }
    let shop = Arc::new(Shop::new(servers.iter().map(|server| server.address()).collect())?);
    shop.warm_up().await?;

    let mut history = History::begin();
    let run = Arc::new(Run::new(flags, shop, servers));
    tokio::select! {
        () = run.play() => {}
        // It ends only where its output is gone; the orders are not to suffer from that.
        result = Progress::new(flags.json).show(&run, &mut history, &steering) => { result?; }
    }
    history.catch_up();
    let report = Report::of(&run, &history);
    let mut out = io::stdout();
    if flags.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        writeln!(out, "\n{report}")?;
    }
    Ok(report)
}
