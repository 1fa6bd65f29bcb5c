//! The four services that the shop depends on: HTTP servers on loopback ports of their own, each with a fault switch.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::shop::Order;

/// A service that the shop calls. Its name is also the name of its breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    Inventory,
    Payment,
    Email,
    Recommendations,
}

impl Service {
    pub(crate) const ALL: [Self; 4] = [Self::Inventory, Self::Payment, Self::Email, Self::Recommendations];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Email => "email",
            Self::Recommendations => "recommendations",
        }
    }
}

/// How a service is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    Errors,
    Slow,
    Hang,
    Refuse,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Slow => "slow",
            Self::Hang => "hang",
            Self::Refuse => "refuse",
        }
    }
}

/// The share of requests that [`Fault::Errors`] answers with a 503.
const ERROR_SHARE: f64 = 0.9;

/// One of the four services, and what it has done.
#[derive(Debug)]
pub(crate) struct Server {
    service: Service,
    address: SocketAddr,
    /// `None`: healthy.
    fault: watch::Sender<Option<Fault>>,
    random: Mutex<fastrand::Rng>,
    /// The orders it has served. An order that comes twice is served once: its number is the idempotency key, which is what makes
    /// it right to send a payment again after a timeout.
    served: Mutex<HashSet<u64>>,
}

impl Server {
    /// Starts to listen on a free port.
    pub(crate) async fn start(service: Service, seed: u64) -> io::Result<Arc<Self>> {
        let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let server = Arc::new(Self {
            service,
            address: socket.local_addr()?,
            fault: watch::Sender::new(None),
            random: Mutex::new(fastrand::Rng::with_seed(seed.wrapping_mul(4).wrapping_add(service as u64))),
            served: Mutex::default(),
        });
        let listener = socket.listen(BACKLOG)?;
        tokio::spawn(Arc::clone(&server).run(listener));
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        *self.fault.borrow()
    }

    /// The fault switch.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        self.fault.send_replace(fault);
    }

    pub(crate) fn has_served(&self, order: u64) -> bool {
        self.served.lock().unwrap().contains(&order)
    }

    async fn run(self: Arc<Self>, mut listener: TcpListener) {
        let routes = Router::new()
            .route("/orders", post(answer))
            .route("/health", get(async || ()))
            .with_state(Arc::clone(&self));
        loop {
            // Graceful shutdown closes the port at once, idle connections too, and the others as soon as they are answered.
            let served = axum::serve(listener, routes.clone()).with_graceful_shutdown(self.refusing(true)).await;
            let reopened = async {
                served?;
                // Bound but not listening, the port refuses connections, and nobody else can take it meanwhile.
                let socket = bind(self.address)?;
                self.refusing(false).await;
                socket.listen(BACKLOG)
            };
            listener = match reopened.await {
                Ok(listener) => listener,
                Err(error) => return eprintln!("{} is gone for good: {error}", self.service.name()),
            };
        }
    }

    /// Waits until connections are to be refused, or are no longer.
    fn refusing(&self, expected: bool) -> impl Future<Output = ()> + Send + use<> {
        let mut fault = self.fault.subscribe();
        async move {
            let _ = fault.wait_for(|fault| (*fault == Some(Fault::Refuse)) == expected).await;
        }
    }

    fn random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.random.lock().unwrap())
    }
}

/// Connections that may wait to be accepted: more than can arrive while the machine is busy with something else.
const BACKLOG: u32 = 1024;

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the time before a refusal linger on the same port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn answer(State(server): State<Arc<Server>>, Json(order): Json<Order>) -> Result<Json<Value>, StatusCode> {
    let (work, extra, fails) =
        server.random(|random| (random.u64(1_000..=5_000), random.u64(1_100..=2_000), random.f64() < ERROR_SHARE));
    tokio::time::sleep(Duration::from_micros(work)).await;
    match server.fault() {
        Some(Fault::Errors) if fails => return Err(StatusCode::SERVICE_UNAVAILABLE),
        Some(Fault::Slow) => tokio::time::sleep(Duration::from_millis(extra)).await,
        Some(Fault::Hang) => std::future::pending().await,
        _ => {}
    }
    server.served.lock().unwrap().insert(order.number);
    Ok(Json(match server.service {
        Service::Recommendations => json!({ "items": ["socks", "lamp", "kettle"] }),
        _ => json!({ "done": order.number }),
    }))
}
