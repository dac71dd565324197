//! The emulator's binary: its output, exit status and signals.

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};
use test_support::{Process, binary, canary, command};
use tokio_tungstenite::connect_async;

fn listening_on(address: &str) -> Command {
    let mut command = command(binary("cometchat-emulator"));
    command.args(["--listen", address]);
    command
}

fn start() -> Process {
    Process::start(listening_on("127.0.0.1:0"), &canary::folder().path().join("log")).unwrap()
}

#[test]
fn binary_prints_its_address_once_it_listens() {
    let process = start();
    assert!(process.address().starts_with("127.0.0.1:") && process.port() != "0");
    TcpStream::connect(process.address()).unwrap();
}

#[test]
fn binary_on_a_taken_port_fails_with_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = listening_on(&address).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains(&address) && message.contains("in use"), "{message}");
}

#[tokio::test]
async fn sigterm_with_an_open_socket_exits_cleanly() {
    let process = start();
    let (_socket, _) = connect_async(process.url.replacen("http", "ws", 1)).await.unwrap();
    process.signal("-TERM");
    let started = Instant::now();
    assert!(process.wait().success());
    assert!(started.elapsed() < Duration::from_secs(10));
}
