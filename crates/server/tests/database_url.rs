//! `DATABASE_URL`: the forms that connect, and the errors of those that do not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use sqlx::{Connection as _, Executor as _};
use test_support::{TIMEOUT, TestEnv, uses_postgres};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use url::Url;

/// Runs `user list` on this database, which must fail.
async fn error_of(url: &str) -> String {
    let mut env = TestEnv::new().await;
    env.database = url.to_owned();
    env.run_failing(&["user", "list"], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_literal_in_database_url_is_connected() {
    // Not every machine has IPv6.
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let url = format!("postgres://app@{}/chat", listener.local_addr().unwrap());
    let accepted = tokio::spawn(async move { timeout(TIMEOUT, listener.accept()).await.map(drop) });
    let message = error_of(&url).await;
    accepted.await.unwrap().expect("the command connects");
    assert!(message.contains("cannot open the database chat on [::1]:"), "{message}");
    assert!(message.contains("a PostgreSQL server listens there"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn database_error_has_advice_for_its_kind() {
    // A port that is taken, without a listener.
    let unused = TcpSocket::new_v4().unwrap();
    unused.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = unused.local_addr().unwrap();
    for (url, advice) in [
        (format!("postgres://app@{closed}/chat"), "Check that PostgreSQL runs there"),
        ("postgres://app@/chat?host=/nowhere".to_owned(), "the socket's folder in DATABASE_URL"),
        ("sqlite:///proc/nowhere/app.db".to_owned(), "there is no database at /proc/nowhere/app.db"),
    ] {
        let message = error_of(&url).await;
        assert!(message.contains(advice), "{message}");
        assert!(!message.contains("folder is writable"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_url_with_unknown_parameter_stops_the_start() {
    let mut env = TestEnv::new().await;
    env.database = "postgres://u@127.0.0.1/d?ssl_mode=verify-full".to_owned();
    for arguments in [&["serve"][..], &["check"], &["user", "list"]] {
        let message = env.run_failing(arguments, "");
        let expected = "DATABASE_URL: unknown parameter ssl_mode: did you mean sslmode?";
        assert!(message.contains(expected), "{message}");
    }
    env.database = "sqlite::memory:".to_owned();
    let message = env.run_failing(&["serve"], "");
    assert!(message.contains("DATABASE_URL: name a file"), "{message}");
    assert!(!env.folder.path().join(":memory:").exists());
    env.database = "postgres://u@127.0.0.1/d".to_owned();
    env.settings.push(("PGSSLMODE", "verify_full".to_owned()));
    for arguments in [&["serve"][..], &["check"], &["user", "list"]] {
        let message = env.run_failing(arguments, "");
        assert!(message.contains("PGSSLMODE: sslmode must be"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_socket_and_errors_are_those_of_libpq() {
    if !uses_postgres() {
        return;
    }
    let mut env = TestEnv::new().await;
    env.add("ada");
    let url = Url::parse(&env.database).unwrap();
    let mut connection = sqlx::PgConnection::connect(&env.database).await.unwrap();
    let show = sqlx::query_scalar("SHOW unix_socket_directories");
    let folder: String = show.fetch_one(&mut connection).await.unwrap();
    let (port, path) = (url.port().unwrap(), url.path().to_owned());
    for url in [
        format!("postgres://postgres:unused@{path}?host={folder}&port={port}"),
        format!("postgres://postgres@:{port}{path}?host={folder}"),
        format!("postgres://{path}?host={folder}&port={port}&user=postgres"),
    ] {
        env.database = url;
        assert!(env.run(&["user", "list"], "").contains("ada@example.com"), "{}", env.database);
    }
    for (user, name, advice) in [
        ("unknown", &path[1..], "Check user and password in DATABASE_URL"),
        ("postgres", "nothing", "Create the database"),
    ] {
        let message = error_of(&format!("postgres://{user}@127.0.0.1:{port}/{name}")).await;
        assert!(message.contains(advice), "{message}");
    }
}

/// Waits for a message of the client that begins with its length, after a type of this many bytes.
async fn read_message(client: &mut TcpStream, type_length: usize) -> Vec<u8> {
    let mut head = vec![0; type_length + 4];
    client.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes(head[type_length..].try_into().unwrap());
    let mut body = vec![0; length as usize - 4];
    client.read_exact(&mut body).await.unwrap();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_behind_pooler_without_free_session_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pooler = tokio::spawn(async move {
        // Refuses the options, as PgBouncer does.
        let (mut refused, _) = listener.accept().await.unwrap();
        assert!(read_message(&mut refused, 0).await.windows(8).any(|name| name == b"options\0"));
        let error = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        refused.write_u8(b'E').await.unwrap();
        refused.write_u32(u32::try_from(error.len() + 4).unwrap()).await.unwrap();
        refused.write_all(error).await.unwrap();
        drop(refused);
        // Accepts the connection, and has no session for its first query.
        let (mut accepted, _) = listener.accept().await.unwrap();
        read_message(&mut accepted, 0).await;
        accepted.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.unwrap();
        let query = read_message(&mut accepted, 1).await;
        (query, accepted)
    });
    let mut env = TestEnv::new().await;
    env.database = format!("postgres://app@{address}/chat?sslmode=disable");
    let message =
        timeout(TIMEOUT, tokio::task::spawn_blocking(move || env.run_failing(&["serve"], ""))).await;
    let message = message.expect("the server gives up").unwrap();
    assert!(message.contains("cannot open the database chat on 127.0.0.1:"), "{message}");
    assert!(message.contains("timed out"), "{message}");
    pooler.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn command_does_not_wait_for_migration_of_another_start() {
    if !uses_postgres() {
        return;
    }
    let env = TestEnv::new().await;
    env.add("ada");
    let mut migrating = sqlx::PgConnection::connect(&env.database).await.unwrap();
    migrating.execute("BEGIN; SELECT pg_advisory_xact_lock(7221914350116290817)").await.unwrap();
    let listed = tokio::task::spawn_blocking(move || env.run(&["user", "list"], ""));
    let listed = timeout(TIMEOUT, listed).await.expect("the command does not wait").unwrap();
    assert!(listed.contains("ada@example.com"), "{listed}");
    migrating.close().await.unwrap();
}
