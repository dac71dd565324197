//! The memory of one connection in the binary, for several kinds of requests and clients that do not read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use shared::routes;
use std::fs;
use std::net::SocketAddr;
use test_support::Process;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const CONNECTIONS: u64 = 40;
/// KiB that each connection may cost, as docs/SCALING.md states it.
const MAX_KIB_EACH: u64 = 128;

/// Opens a connection with a small receive buffer.
async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

/// Returns a field of `/proc/…/status` in KiB: the memory in use, or its peak since [`reset_peak`].
fn memory(server: &Process, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Resets the peak to the memory in use: proc(5), clear_refs.
fn reset_peak(server: &Process) {
    fs::write(format!("/proc/{}/clear_refs", server.id()), "5").unwrap();
}

/// Returns the peak memory in KiB of each of many connections that send these bytes and read no response.
async fn cost(bytes: Vec<u8>) -> u64 {
    let folder = test_support::canary::folder();
    let database = test_support::new_database(folder.path()).await;
    let settings = [("DATABASE_URL", &*database), ("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9")];
    let server = Process::server(folder.path(), &settings);
    let address: SocketAddr = server.address().parse().unwrap();
    // Code and tables that a first request loads do not count.
    for path in [routes::HEALTHZ, routes::OPENAPI, "/", routes::SESSION] {
        test_support::client()
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
    }
    reset_peak(&server);
    let before = memory(&server, "VmRSS:");
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = connect(address).await;
        // The kernel's buffers take all of it, and keep what the server does not read.
        connection.write_all(&bytes).await.unwrap();
        connections.push(connection);
    }
    for connection in &mut connections {
        // The server has sent the first response.
        connection.peek(&mut [0]).await.unwrap();
    }
    // Requests of other connections, so that the server has handled what it has read of these.
    for _ in 0..20 {
        let mut other = connect(address).await;
        other.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        other.read_to_end(&mut Vec::new()).await.unwrap();
    }
    memory(&server, "VmHWM:").saturating_sub(before) / CONNECTIONS
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_pipelined_responses_use_bounded_memory() {
    let large = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", routes::OPENAPI).repeat(40);
    let small = "GET / HTTP/1.1\r\nHost:x\r\n\r\n".repeat(5000);
    let cost = cost((large + &small).into_bytes()).await;
    assert!(cost <= MAX_KIB_EACH, "{cost} KiB for each connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn body_of_tiny_chunks_uses_bounded_memory() {
    let first = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        routes::LOGIN
    );
    let cost = cost(format!("{first}{head}{}", "1\r\n \r\n".repeat(16_000)).into_bytes()).await;
    assert!(cost <= MAX_KIB_EACH, "{cost} KiB for each connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_with_many_headers_use_bounded_memory() {
    let headers: String = (0..94).map(|number| format!("a{number}: b\r\n")).collect();
    let cost = cost(format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n").repeat(1000).into_bytes()).await;
    assert!(cost <= MAX_KIB_EACH, "{cost} KiB for each connection");
}
