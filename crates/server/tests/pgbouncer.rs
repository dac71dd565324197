//! Tests of the binary with PgBouncer between it and PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use reqwest::StatusCode;
use serde_json::json;
use shared::routes;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use test_support::{PASSWORD, TestEnv, eventually, uses_postgres};
use url::Url;

/// Logins at the same time, more than the sessions of PostgreSQL that PgBouncer has for them.
const LOGINS: usize = 12;
const ROUNDS: usize = 12;
const SESSIONS: usize = 3;
/// Part of the name of PgBouncer's socket.
const PORT: u16 = 6432;
/// A user that every Debian system has.
const UNPRIVILEGED_USER: &str = "daemon";

/// A process that ends with the test. It listens on a socket in the test's folder, because PgBouncer does not choose a
/// free port.
struct PgBouncer {
    child: Child,
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl PgBouncer {
    /// Starts PgBouncer before the PostgreSQL server of the environment, lets the environment use it, and waits until it
    /// listens.
    async fn start(env: &mut TestEnv, settings: &str) -> Self {
        let folder = env.folder.path();
        let file = folder.join("pgbouncer.ini");
        let url = Url::parse(&env.database).unwrap();
        let ini = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr =\n\
             listen_port = {PORT}\nunix_socket_dir = {}\nauth_type = any\nserver_reset_query_always = 0\n\
             max_client_conn = 500\ndefault_pool_size = {SESSIONS}\nserver_round_robin = 1\n{settings}\n",
            url.port().unwrap(),
            folder.display(),
        );
        std::fs::write(&file, ini).unwrap();
        // As root, PgBouncer continues as another user, reads the file again and creates the socket.
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/debian/usr/sbin/pgbouncer");
        let mut command = Command::new(program);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", UNPRIVILEGED_USER]);
        }
        let log = std::fs::File::create(folder.join("pgbouncer.log")).unwrap();
        let child = command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let pooler = Self { child: child.expect("missing pgbouncer: run scripts/setup proxies") };
        let socket = folder.join(format!(".s.PGSQL.{PORT}"));
        eventually("PgBouncer listens", async || UnixStream::connect(&socket).is_ok()).await;
        env.database = format!("postgres://postgres@{}?host={}&port={PORT}", url.path(), folder.display());
        pooler
    }
}

/// Logs users in at the same time on two instances behind PgBouncer with these settings, after commands that use the
/// database in every way.
async fn serve_behind(settings: &str) {
    assert!(uses_postgres(), "run it with scripts/postgres");
    let mut env = TestEnv::new().await;
    let _pooler = PgBouncer::start(&mut env, settings).await;

    let users: Vec<_> =
        (0..LOGINS).map(|number| format!("u{number},u{number}@example.com,Name,\n")).collect();
    let file = env.file("users.csv", &format!("id,email,name,password_hash\n{}", users.concat()));
    env.add("ada");
    env.run(&["user", "import", &file], "");
    let checked = env.run(&["check"], "");
    assert!(checked.contains("behind a pooler, in use"), "{checked}");
    env.start();
    let first = env.server.take().unwrap();
    env.start();
    let urls = [env.url(routes::LOGIN), format!("{}{}", first.url, routes::LOGIN)];
    for round in 0..ROUNDS {
        let mut logins = tokio::task::JoinSet::new();
        for number in 0..LOGINS {
            let body = json!({"email": "ada@example.com", "password": PASSWORD});
            let login = env.http.post(&urls[number % 2]).json(&body).send();
            logins.spawn(async move {
                let response = login.await.unwrap();
                (response.status(), response.text().await.unwrap())
            });
        }
        for (status, body) in logins.join_all().await {
            assert_eq!(status, StatusCode::OK, "{settings}: {round}: {body}");
        }
    }
    env.run(&["user", "rename", "u1", "Renamed"], "");
    env.eventually_cometchat("all users are there", |users| {
        users.len() == LOGINS + 1 && users["u1"].0 == "Renamed"
    })
    .await;
    assert_eq!(env.run(&["user", "list"], "").lines().count(), LOGINS + 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PgBouncer and PostgreSQL: make test"]
async fn logins_succeed_behind_transaction_pooling() {
    serve_behind("pool_mode = transaction").await;
    // As its documentation suggests for clients that send these parameters.
    serve_behind("pool_mode = transaction\nignore_startup_parameters = extra_float_digits,options").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PgBouncer and PostgreSQL: make test"]
async fn logins_succeed_behind_session_pooling() {
    // Each connection of the servers keeps a session.
    serve_behind("pool_mode = session\ndefault_pool_size = 50").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PgBouncer and PostgreSQL: make test"]
async fn startup_behind_statement_pooling_is_refused() {
    assert!(uses_postgres(), "run it with scripts/postgres");
    let mut env = TestEnv::new().await;
    let _pooler = PgBouncer::start(&mut env, "pool_mode = statement").await;
    let message = env.run_failing(&[], "");
    assert!(message.contains("session or transaction mode"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PgBouncer and PostgreSQL: make test"]
async fn session_settings_behind_pooler_are_refused() {
    assert!(uses_postgres(), "run it with scripts/postgres");
    // PgBouncer refuses them, or drops them.
    for settings in ["", "ignore_startup_parameters = extra_float_digits,options"] {
        let mut env = TestEnv::new().await;
        let _pooler = PgBouncer::start(&mut env, settings).await;
        env.database += "&options[search_path]=auth";
        for arguments in [&["serve"][..], &["check"], &["user", "list"]] {
            let message = env.run_failing(arguments, "");
            assert!(message.contains("have no effect behind a pooler"), "{settings}: {message}");
        }
    }
}
