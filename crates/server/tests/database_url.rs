//! `DATABASE_URL`: the forms that connect, and the errors of those that do not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use sqlx::Connection as _;
use std::net::TcpListener;
use test_support::{TestEnv, uses_postgres};
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
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let url = format!("postgres://app@{}/chat", listener.local_addr().unwrap());
    let accepted = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let message = error_of(&url).await;
    accepted.join().unwrap();
    assert!(message.contains("cannot open the database chat on [::1]:"), "{message}");
    assert!(message.contains("a PostgreSQL server listens there"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn database_error_has_advice_for_its_kind() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
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
