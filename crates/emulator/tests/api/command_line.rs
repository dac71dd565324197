//! The binary itself.

use crate::helpers::{PATIENCE, in_time};
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

/// The running binary, and the address that it says it listens on.
async fn start() -> (Child, String) {
    let mut child = command("127.0.0.1:0").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = in_time("the first line", lines.next_line()).await.unwrap().unwrap();
    let address = line.strip_prefix("listening on http://").expect("the line says where").to_owned();
    (child, address)
}

#[tokio::test]
async fn it_says_where_it_listens_once_it_does() {
    let (_child, address) = start().await;
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"));
    TcpStream::connect(address).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_told_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = in_time("its end", command(&address).output()).await.unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(words.contains(&address) && words.contains("in use"), "{words}");
}

#[tokio::test]
async fn a_term_signal_ends_it_cleanly_though_a_socket_is_open() {
    let (mut child, address) = start().await;
    let (_socket, _) = connect_async(format!("ws://{address}/")).await.unwrap();
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let began = std::time::Instant::now();
    assert!(in_time("its end", child.wait()).await.unwrap().success());
    assert!(began.elapsed() < PATIENCE / 2);
}
