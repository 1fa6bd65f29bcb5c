//! A port and a thread of their own: they answer while the program's runtime is stuck, which is when somebody wants to look.

use crate::http::Access;
use crate::observer::Observer;
use crate::watch::Connection;
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use resilience_runtime::registry;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// Connections at once; whoever comes then waits.
const CONNECTIONS: usize = 64;
/// A client that says nothing for so long is hung up on.
const SILENCE: Duration = Duration::from_secs(10);
/// No connection lasts longer than this and [`SILENCE`] together, unless somebody watches over it and reads: none is held for good by who does not.
const LONGEST: Duration = Duration::from_secs(60);

/// Serves metrics, health, policies and events of this program on that address, to be read: [`Observer::listen`] with every choice left as it is.
///
/// ```no_run
/// resilience_observe::listen("127.0.0.1:9911")?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Others than this machine can reach the address, it cannot be listened on, or the thread cannot be started.
#[cfg_attr(docsrs, doc(cfg(feature = "listen")))]
pub fn listen(address: impl ToSocketAddrs) -> io::Result<Listening> {
    Observer::new(registry()).listen(address, Access::read_only())
}

/// A port that is listened on until it is [stopped](Self::stop): dropping this ends nothing.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
}

impl Listening {
    /// The address that is listened on; for port 0, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port and drops the connections, soon after.
    pub fn stop(self) {
        // Where the thread is gone, so is the port.
        let _ = self.stop.send(());
    }
}

impl Observer {
    /// Serves [`router`](Self::router) on that address, on a thread of its own. An address that other machines can reach wants [`Access::private`], or a function of the
    /// program's own ([`Access::authorize`]).
    ///
    /// The checks of `/health` run on that thread too. One that needs the program's own runtime wants the router nested there instead.
    ///
    /// # Errors
    ///
    /// Others than this machine can reach the address and everybody may read, it cannot be listened on, or the thread cannot be started.
    #[cfg_attr(docsrs, doc(cfg(feature = "listen")))]
    pub fn listen(&self, address: impl ToSocketAddrs, access: Access) -> io::Result<Listening> {
        let addresses: Vec<_> = address.to_socket_addrs()?.collect();
        let beyond = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(beyond) = beyond.filter(|_| !access.is_private()) {
            let what = format!("other machines can reach {beyond}; use `Access::private`, or bind to 127.0.0.1");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let router = self.listeners_router(access, beyond.is_none());
        let listener = TcpListener::bind(&*addresses)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("resilience-observe".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, router));
                if stopped.await.is_err() {
                    // Nobody is left who could say so.
                    pending::<()>().await;
                }
            });
        })?;
        Ok(Listening { address, stop })
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return complain(&error),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    serve(stream, router).await;
                    drop(place);
                });
            }
            // Of one connection, or out of files: there may be some again soon.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(SILENCE);
    let watched = Connection::default();
    let (service, of_request) = (TowerToHyperService::new(router), watched.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(of_request.clone());
        service.call(request)
    });
    let connection = server.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut longest = LONGEST;
    // How a connection ends is its client's affair.
    while timeout(longest, connection.as_mut()).await.is_err() {
        // Whoever watches and does not read is let go of.
        if !watched.lasts() {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(SILENCE, connection).await;
            return;
        }
        longest = 2 * SILENCE;
    }
}

/// There is nobody to return it to.
fn complain(error: &io::Error) {
    use std::io::Write;
    let _ = writeln!(io::stderr(), "resilience: the metrics are not served: {error}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Extension;
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use std::convert::Infallible;
    use std::io::Write;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::time::Instant;

    /// A body that never ends, and says nothing.
    struct Silent;

    impl futures_core::Stream for Silent {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    /// For how many seconds a connection is held on which this is sent, while the body of its answer is one that says nothing.
    async fn held(request: &str, is_taken: bool) -> u64 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let silent = async move |Extension(connection): Extension<Connection>| {
            if is_taken {
                connection.takes();
            }
            Body::from_stream(Silent)
        };
        let router = Router::new().route("/silent", get(silent)).route("/short", get(async || "short"));
        let (stream, _) = listener.accept().await.unwrap();
        let begin = Instant::now();
        serve(stream, router).await;
        begin.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_does_not_read_holds_a_connection_for_good() {
        let (silence, longest) = (SILENCE.as_secs(), LONGEST.as_secs());
        let asking = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(held("", false).await, silence);
        assert_eq!(held("GET /sho", false).await, silence);
        assert_eq!(held(&asking("/short"), false).await, silence, "it may ask again for so long");
        assert_eq!(held(&asking("/silent"), false).await, longest + silence);
        // What was taken in the first minute is a reason to look again after twice the silence.
        assert_eq!(held(&asking("/silent"), true).await, longest + 3 * silence);
    }
}
