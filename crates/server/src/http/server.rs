//! Takes connections and serves the application on them.

use super::HttpState;
use super::timeout_stream::{self, ConnectionActivity, TimeoutStream};
use crate::state::AppState;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactoryExt as _, apply_fn_factory, fn_service, map_config,
};
use actix_web::dev::AppConfig;
use std::future::ready;
use std::io::Result;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

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
    (state, http_state): (Arc<AppState>, Arc<HttpState>),
    timeout: Duration,
    shutdown_seconds: u64,
) -> Result<Server> {
    let address = listener.local_addr()?;
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let server = Server::build();
    let stopping = server.graceful_shutdown_signal();
    let factory = move || {
        let stopping = stopping.clone();
        let app = super::app(Arc::clone(&state), Arc::clone(&http_state)).into_factory();
        let app = app.map_err(|error: actix_web::Error| error.error_response());
        let http = HttpService::build()
            .client_request_timeout(FIRST_HEAD)
            .client_disconnect_timeout(LAST_WORDS)
            .local_addr(address)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .h1_write_buffer_size(timeout_stream::MAX_WRITE_BYTES)
            .on_connect_ext(|stream: &TimeoutStream, data| {
                data.insert(stream.exchange());
            })
            .finish(apply_fn_factory(
                map_config(app, |()| AppConfig::default()),
                |mut request: Request, app: &_| {
                    let exchange = request.conn_data::<ConnectionActivity>().cloned();
                    if let Some(exchange) = &exchange {
                        exchange.begin(&mut request);
                    }
                    let response = app.call(request);
                    async move {
                        let response = match response.await {
                            Ok(response) => Response::from(response),
                            Err(error) => error.into(),
                        };
                        Ok(match exchange {
                            Some(exchange) => exchange.finish(response),
                            None => response,
                        })
                    }
                },
            ));
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            ready(Ok::<_, DispatchError>((TimeoutStream::new(stream, timeout), Protocol::Http1, peer)))
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
