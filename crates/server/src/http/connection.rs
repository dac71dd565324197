//! Connections: how many there may be, and how long one may go without being answered.
//!
//! actix ends a connection whose first request has no complete head after five seconds, and one that is idle for
//! five seconds between two requests. For everything else it waits for ever: for the rest of a body, for the rest
//! of a second head, for an answer to be taken. A few thousand clients that send a byte a minute would be all that
//! a server has room for. So a connection ends when nothing was answered on it for some time, whatever has been
//! sent or taken on it meanwhile.

use super::Site;
use crate::app::Services;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::HttpRequest;
use actix_web::dev::AppConfig;
use std::cell::Cell;
use std::future::ready;
use std::io::{ErrorKind, IoSlice, Result};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, Sleep, sleep_until};

/// Connections at once, at most; each costs about 16 KiB. Further ones wait until one of these ends.
const MOST_CONNECTIONS: usize = 20_000;
/// Connections that may wait to be taken in; the system has a limit of its own.
const QUEUE: u32 = 4096;
/// Files for everything else: database, log, connections to CometChat.
const OTHER_FILES: usize = 256;
/// How long the first request's head may take to come, however patient we are otherwise.
const FIRST_HEAD: Duration = Duration::from_secs(5);
/// How long a connection that we end may take to end its side.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Binds to this address. Call it on a tokio runtime.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again finds its port still full of connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)?.into_std()
}

/// Answers no further knock: who wants a connection asks again after a second. Who has knocked before is still taken
/// in by the server, also where the other side's word that it has heard the answer is on its way. (When a port is
/// closed, the system drops all of these.)
///
/// Where there is no such filter, which is everywhere but on Linux, nothing changes.
pub fn let_nobody_in(listener: &TcpListener) {
    #[cfg(target_os = "linux")]
    {
        use socket2::{SockFilter, SockRef};
        // Of each packet to the port, from its TCP header on (linux/filter.h; RFC 9293, 3.1):
        let drop_knocks = [
            SockFilter::new(0x30, 0, 0, 13),       // load the byte of flags
            SockFilter::new(0x45, 0, 1, 0x02),     // is SYN among them?
            SockFilter::new(0x06, 0, 0, 0),        // then keep nothing of it
            SockFilter::new(0x06, 0, 0, u32::MAX), // else all
        ];
        if let Err(error) = SockRef::from(listener).attach_filter(&drop_knocks) {
            tracing::debug!(%error, "the port is closed without a filter before it");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = listener;
}

/// Serves the application here. Nothing is taken in before the server runs.
///
/// `timeout`: how long a connection may go without an answer; `shutdown_seconds`: how long requests under way may
/// take to end when the server is stopped.
pub fn serve(
    listener: TcpListener,
    (services, site): (Arc<Services>, Arc<Site>),
    timeout: Duration,
    shutdown_seconds: u64,
) -> Result<Server> {
    let address = listener.local_addr()?;
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let server = Server::build();
    let stopping = server.graceful_shutdown_signal();
    let factory = move || {
        let stopping = stopping.clone();
        let app = super::app(Arc::clone(&services), Arc::clone(&site)).into_factory();
        let app = app.map_err(|error: actix_web::Error| error.error_response());
        let http = HttpService::build()
            .client_request_timeout(FIRST_HEAD)
            .client_disconnect_timeout(LAST_WORDS)
            .local_addr(address)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.last_answer.clone());
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok::<_, DispatchError>((Connection::new(stream, timeout), Protocol::Http1, peer)))
        })
        .and_then(http)
    };
    let server = server
        .workers(workers)
        .max_concurrent_connections((most_connections() / workers).max(1))
        // The command line listens for them, from before the port is bound.
        .disable_signals()
        .shutdown_timeout(shutdown_seconds)
        .listen("http", listener, factory)?;
    Ok(server.run())
}

/// As many as there are files for: each is one, and a server without any left could not reach its database.
fn most_connections() -> usize {
    use rustix::process::{Resource, getrlimit};
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    let files = files.unwrap_or(usize::MAX);
    files.saturating_sub(OTHER_FILES).max(files / 2).min(MOST_CONNECTIONS)
}

/// When something was last answered on a connection.
#[derive(Clone)]
struct LastAnswer(Rc<Cell<Instant>>);

/// Notes on its connection that this request is answered.
pub fn answered(request: &HttpRequest) {
    if let Some(last_answer) = request.conn_data::<LastAnswer>() {
        last_answer.0.set(Instant::now());
    }
}

/// A client's connection, which fails when nothing was answered on it for longer than `timeout`.
struct Connection {
    stream: TcpStream,
    timeout: Duration,
    last_answer: LastAnswer,
    /// Set anew only when it is over, and not at each answer.
    alarm: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(stream: TcpStream, timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            stream,
            timeout,
            last_answer: LastAnswer(Rc::new(Cell::new(now))),
            alarm: Box::pin(sleep_until(now + timeout)),
        }
    }

    /// The stream, if there is still time; else the task is woken when there is none any more.
    fn in_time(&mut self, context: &mut Context<'_>) -> Result<Pin<&mut TcpStream>> {
        while self.alarm.as_mut().poll(context).is_ready() {
            let deadline = self.last_answer.0.get() + self.timeout;
            if deadline <= Instant::now() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(deadline);
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        self.get_mut().in_time(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.get_mut().in_time(context)?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.get_mut().in_time(context)?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
