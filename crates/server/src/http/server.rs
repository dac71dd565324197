//! Accepts connections and serves the application on them.
//!
//! One task accepts connections and hands each to one of the workers. A worker is a thread with a runtime of its
//! own, which serves a connection until it ends. There is one worker for each available processor.
//!
//! The accept loop of `actix-server` is not used: when that stops, it drops connections that it has accepted and not
//! yet handed to a worker, and resets those in the accept queue.

use super::HttpData;
use super::timeout_stream::{ConnectionActivity, MAX_WRITE_BYTES, TimeoutStream};
use crate::state::AppState;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory,
    map_config,
};
use actix_web::dev::AppConfig;
use std::collections::VecDeque;
use std::io::{ErrorKind, Result};
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// Open connections. Each takes about 16 KiB; further ones wait in the accept queue.
const MAX_CONNECTIONS: usize = 20_000;
/// Length of the accept queue. The system may have a lower limit (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;
/// File descriptors for everything but connections: database, log, connections to CometChat.
const RESERVED_FDS: usize = 256;
/// Time for the head of a connection's first request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the client to close its side of a connection that the server closes.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after an error such as too many open files, so that the accept loop does not spin.
const ACCEPT_ERROR_DELAY: Duration = Duration::from_millis(500);

/// Time during which a server that shuts down still accepts connections. Each response closes its connection, so that
/// a client does not send its next request on a connection that the server is about to close.
const DRAIN_DELAY: Duration = Duration::from_millis(300);
/// Time for the connections that were accepted last to send their first request. It covers a round trip to most clients,
/// also on a busy machine.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_millis(300);
/// Time for requests in progress to finish, after [`FIRST_REQUEST_TIMEOUT`].
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Binds a listening socket to this address. Call it on a tokio runtime.
pub fn bind(address: SocketAddr) -> Result<net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Closed connections of the previous process keep the port busy for a minute (TIME_WAIT).
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// A listening socket and the workers that serve its connections.
pub struct HttpServer {
    listener: TcpListener,
    /// Another process, such as systemd, keeps the listening socket open.
    is_inherited: bool,
    dispatcher: Dispatcher,
    /// Cancelled when connections without a request in progress have to end.
    close_idle: CancellationToken,
}

/// Hands connections to the workers in turn.
struct Dispatcher {
    /// The next connection goes to the first one. A worker that has ended is removed.
    workers: VecDeque<UnboundedSender<Connection>>,
    /// One permit for each connection that may still be accepted.
    slots: Arc<Semaphore>,
    open_connections: TaskTracker,
}

/// A connection on its way to a worker.
struct Connection {
    stream: net::TcpStream,
    peer: SocketAddr,
    guard: ConnectionGuard,
}

/// Counts a connection until it is dropped: its slot, and the shutdown's wait for it.
struct ConnectionGuard {
    _slot: Option<OwnedSemaphorePermit>,
    _tracker: TaskTrackerToken,
}

impl HttpServer {
    /// Starts the workers. Connections are accepted when the server runs. Call it on a tokio runtime.
    ///
    /// `is_inherited`: another process has the listening socket too, see [`run`](Self::run). `request_timeout`: time
    /// that a connection may go without a response.
    pub fn start(
        listener: net::TcpListener,
        is_inherited: bool,
        (state, data): (Arc<AppState>, HttpData),
        request_timeout: Duration,
    ) -> Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let close_idle = CancellationToken::new();
        let mut workers = VecDeque::new();
        for number in 0..std::thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            let (sender, receiver) = unbounded_channel();
            let app = (Arc::clone(&state), data.clone());
            // A token of its own, because the connections of all workers would contend for one.
            let close_idle = close_idle.child_token();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            std::thread::Builder::new().name(format!("http-worker-{number}")).spawn(move || {
                let serving = async {
                    serve_connections(receiver, http_service(app, address, close_idle), request_timeout)
                        .await;
                };
                LocalSet::new().block_on(&runtime, serving);
            })?;
            workers.push_back(sender);
        }
        let slots = Arc::new(Semaphore::new(max_connections()));
        let dispatcher = Dispatcher { workers, slots, open_connections: TaskTracker::new() };
        Ok(Self { listener: TcpListener::from_std(listener)?, is_inherited, dispatcher, close_idle })
    }

    /// Serves until `shutdown` is cancelled, and then until requests in progress have finished.
    ///
    /// Between the two it accepts for [`DRAIN_DELAY`], and then what is left in the accept queue: the kernel resets
    /// these connections when the listening socket is closed. If the socket is inherited, they stay in the queue for
    /// the next process.
    pub async fn run(self, shutdown: &CancellationToken) -> Result<()> {
        let Self { listener, is_inherited, mut dispatcher, close_idle } = self;
        let drained = async {
            shutdown.cancelled().await;
            sleep(DRAIN_DELAY).await;
        };
        tokio::select! {
            () = dispatcher.accept_all(&listener) => {}
            () = drained => {}
        }
        // The standard listener asks the kernel for each connection. Tokio's may not know of the latest ones yet.
        let listener = listener.into_std()?;
        if !is_inherited {
            dispatcher.accept_queued(&listener);
        }
        drop(listener);

        let connections = &dispatcher.open_connections;
        connections.close();
        if timeout(FIRST_REQUEST_TIMEOUT, connections.wait()).await.is_err() {
            close_idle.cancel();
            if timeout(SHUTDOWN_TIMEOUT, connections.wait()).await.is_err() {
                tracing::warn!(
                    connections = connections.len(),
                    "closing connections with requests in progress"
                );
            }
        }
        // The workers end with their channels, and drop the connections that are left.
        Ok(())
    }
}

impl Dispatcher {
    /// Accepts connections for as long as it is polled.
    async fn accept_all(&mut self, listener: &TcpListener) {
        // The semaphore is never closed.
        while let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await {
            // The stream leaves this runtime for the one of its worker.
            let accepted = listener.accept().await;
            match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
                Ok((stream, peer)) => self.dispatch(stream, peer, Some(slot)),
                Err(error) if is_of_connection(error.kind()) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    sleep(ACCEPT_ERROR_DELAY).await;
                }
            }
        }
    }

    /// Accepts what is in the accept queue, without regard to [`MAX_CONNECTIONS`]: idle connections may take all slots
    /// until after the listening socket is closed. The queue has at most [`BACKLOG`] connections, and clients that keep
    /// connecting must not prolong the shutdown.
    fn accept_queued(&mut self, listener: &net::TcpListener) {
        for _ in 0..BACKLOG {
            let accepted = listener.accept();
            match accepted.and_then(|(stream, peer)| stream.set_nonblocking(true).map(|()| (stream, peer))) {
                Ok((stream, peer)) => {
                    let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
                    self.dispatch(stream, peer, slot);
                }
                Err(error) if is_of_connection(error.kind()) => {}
                // The queue is empty.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "connections in the accept queue are reset");
                    return;
                }
            }
        }
    }

    fn dispatch(&mut self, stream: net::TcpStream, peer: SocketAddr, slot: Option<OwnedSemaphorePermit>) {
        let guard = ConnectionGuard { _slot: slot, _tracker: self.open_connections.token() };
        let mut connection = Connection { stream, peer, guard };
        while let Some(worker) = self.workers.pop_front() {
            match worker.send(connection) {
                Ok(()) => return self.workers.push_back(worker),
                Err(error) => connection = error.0,
            }
            tracing::error!(workers_left = self.workers.len(), "an HTTP worker has ended");
        }
    }
}

/// Returns whether an error of `accept` concerns one connection, which its client has given up, and not the listener.
fn is_of_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

/// Serves each connection in a task of its own, until the channel is closed.
async fn serve_connections(
    mut connections: UnboundedReceiver<Connection>,
    service: impl ServiceFactory<
        (TimeoutStream, Protocol, Option<SocketAddr>),
        Config = (),
        Response = (),
        Service: 'static,
        Error: 'static,
        InitError = (),
    >,
    request_timeout: Duration,
) {
    let Ok(service) = service.new_service(()).await else {
        tracing::error!("cannot start an HTTP worker");
        return;
    };
    while let Some(Connection { stream, peer, guard }) = connections.recv().await {
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => TimeoutStream::new(stream, request_timeout),
            Err(error) => {
                tracing::error!(%error, "cannot serve a connection");
                continue;
            }
        };
        // The application is always ready for a connection.
        let serving = service.call((stream, Protocol::Http1, Some(peer)));
        tokio::task::spawn_local(async move {
            // An error is the client's: it closed the connection, sent invalid HTTP, or exceeded a timeout.
            let _ = serving.await;
            drop(guard);
        });
    }
}

/// Serves the application on connections to this address.
fn http_service(
    (state, data): (Arc<AppState>, HttpData),
    address: SocketAddr,
    close_idle: CancellationToken,
) -> impl ServiceFactory<
    (TimeoutStream, Protocol, Option<SocketAddr>),
    Config = (),
    Response = (),
    Service: 'static,
    Error: 'static,
    InitError = (),
> {
    let app = super::app(state, data).into_factory();
    let app = app.map_err(|error: actix_web::Error| error.error_response());
    HttpService::build()
        .client_request_timeout(HEADER_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .local_addr(address)
        .graceful_shutdown_signal(move || close_idle.clone().cancelled_owned())
        .h1_write_buffer_size(MAX_WRITE_BYTES)
        .on_connect_ext(|stream: &TimeoutStream, data| {
            data.insert(stream.activity());
        })
        .finish(apply_fn_factory(
            map_config(app, |()| AppConfig::default()),
            |mut request: Request, app: &_| {
                let activity = request.conn_data::<ConnectionActivity>().cloned();
                if let Some(activity) = &activity {
                    activity.begin(&mut request);
                }
                let response = app.call(request);
                async move {
                    let response = match response.await {
                        Ok(response) => Response::from(response),
                        Err(error) => error.into(),
                    };
                    Ok(match activity {
                        Some(activity) => activity.finish(response),
                        None => response,
                    })
                }
            },
        ))
}

/// Returns how many connections the limit of open files allows: without a free descriptor the server could not reach
/// its database.
fn max_connections() -> usize {
    use rustix::process::{Resource, getrlimit};
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    let files = files.unwrap_or(usize::MAX);
    files.saturating_sub(RESERVED_FDS).max(files / 2).min(MAX_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_skip_a_worker_that_has_ended() {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ((ended, _), (alive, mut connections)) = (unbounded_channel(), unbounded_channel());
        let mut dispatcher = Dispatcher {
            workers: VecDeque::from([ended, alive]),
            slots: Arc::new(Semaphore::new(2)),
            open_connections: TaskTracker::new(),
        };
        for _ in 0..2 {
            let _client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, peer) = listener.accept().unwrap();
            dispatcher.dispatch(stream, peer, None);
            assert_eq!(connections.try_recv().unwrap().peer, peer);
        }
    }
}
