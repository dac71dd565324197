//! The emulator's binary: its output, exit status and signals.

use crate::helpers::{TIMEOUT, with_timeout};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};
use tokio_tungstenite::connect_async;

fn command(listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cometchat-emulator"));
    command.args(["--listen", listen]).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Starts the binary. Returns it with the address that it prints.
async fn start() -> (Child, String) {
    let mut child = command("127.0.0.1:0").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = with_timeout("the first line", lines.next_line()).await.unwrap().unwrap();
    let address = line.strip_prefix("listening on http://").expect("an address").to_owned();
    (child, address)
}

#[tokio::test]
async fn binary_prints_its_address_once_it_listens() {
    let (_child, address) = start().await;
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"));
    TcpStream::connect(address).await.unwrap();
}

#[tokio::test]
async fn binary_on_a_taken_port_fails_with_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = with_timeout("exit", command(&address).output()).await.unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains(&address) && message.contains("in use"), "{message}");
}

#[tokio::test]
async fn sigterm_with_an_open_socket_exits_cleanly() {
    let (mut child, address) = start().await;
    let (_socket, _) = connect_async(format!("ws://{address}/")).await.unwrap();
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let started = std::time::Instant::now();
    assert!(with_timeout("exit", child.wait()).await.unwrap().success());
    assert!(started.elapsed() < TIMEOUT / 2);
}
