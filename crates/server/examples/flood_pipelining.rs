//! Floods a server with pipelined requests whose responses are not read, for `scripts/bench floods`.
//!
//!   cargo run --example flood_pipelining -- 127.0.0.1:3000 40 10
//!
//! Forty connections, each with 5,000 requests in one write, closed and opened again each second; for ten seconds.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost:x\r\n\r\n";
/// Time that a connection is kept open.
const HOLD_TIME: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, seconds] = arguments.as_slice() else {
        return Err("usage: flood_pipelining ADDRESS CONNECTIONS SECONDS".into());
    };
    let address: SocketAddr = address.parse()?;
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let mut clients = JoinSet::new();
    for _ in 0..connections.parse::<usize>()?.min(1000) {
        clients.spawn(async move {
            let requests = REQUEST.repeat(5000);
            let mut sent = 0;
            while Instant::now() < end {
                let socket = TcpSocket::new_v4()?;
                // The smallest receive buffer, so that responses back up in the server.
                socket.set_recv_buffer_size(4096)?;
                let mut stream = socket.connect(address).await?;
                // The server may stop reading or close the connection.
                let _ = timeout(HOLD_TIME, stream.write_all(requests.as_bytes())).await;
                sent += 1;
                sleep(HOLD_TIME).await;
            }
            Ok::<usize, std::io::Error>(sent)
        });
    }
    let mut sent = 0;
    while let Some(client) = clients.join_next().await {
        sent += client??;
    }
    println!("{sent} connections with 5,000 requests each");
    Ok(())
}
