//! What an operator does from the command line, beside a running server or without one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cometchat_auth::clock::Clock;
use cometchat_auth::db::Db;
use cometchat_auth::{throttle, values};
use common::canary;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use shared::routes;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const PASSWORD: &str = "plum tractor yesterday";
/// Of "correct horse", made by Python's hashlib and bcrypt.
const PBKDF2: &str =
    "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ";
const SCRYPT: &str =
    "$scrypt$ln=8,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s";
const BCRYPT: &str = "$2a$04$NLXaAhfSt2UvhI8uImQxeeMIGBw1lIKh1CTIxAfoet.BsN5RIps3u";

/// A folder with a database, an emulator, and perhaps a server.
struct World {
    folder: TempDir,
    database: String,
    emulator: String,
    http: Client,
    server: Option<(Child, String)>,
}

impl World {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config =
            cometchat_emulator::Config { listen: "127.0.0.1:0".parse().unwrap(), ..Default::default() };
        let app = cometchat_emulator::App::build(config).unwrap();
        let emulator = format!("http://{}", app.address());
        tokio::spawn(app.run());
        #[allow(clippy::disallowed_methods)]
        let http = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let folder = canary::folder();
        Self { database: common::new_database(folder.path()).await, folder, emulator, http, server: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cometchat-auth"));
        command.current_dir(self.folder.path()).env_clear().args(arguments);
        command.env("COMETCHAT_EMULATOR_URL", &self.emulator).env("LISTEN", "127.0.0.1:0");
        command.env("DATABASE_URL", &self.database).envs(canary::settings());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it with this standard input: whether it succeeded, and all that it said.
    fn says(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut child = self.command(arguments).spawn().unwrap();
        // A command that does not read may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        canary::secret(PASSWORD);
        canary::told(&words);
        (output.status.success(), words)
    }

    /// Runs it, and it must succeed.
    fn run(&self, arguments: &[&str], input: &str) -> String {
        let (well, words) = self.says(arguments, input);
        assert!(well, "{arguments:?}: {words}");
        words
    }

    /// Runs it, and it must fail.
    fn fails(&self, arguments: &[&str], input: &str) -> String {
        let (well, words) = self.says(arguments, input);
        assert!(!well && !words.contains("panicked"), "{arguments:?}: {words}");
        words
    }

    fn add(&self, id: &str) {
        let email = format!("{id}@example.com");
        self.run(&["user", "add", "--id", id, "--email", &email, "--name", "Before"], PASSWORD);
    }

    fn serve(&mut self) {
        let mut child = self.command(&[]).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.server = Some((child, line.trim().strip_prefix("listening on ").expect(&line).to_owned()));
    }

    async fn login(&self, email: &str, password: &str) -> StatusCode {
        let url = format!("{}{}", self.server.as_ref().unwrap().1, routes::LOGIN);
        let body = json!({"email": email, "password": password});
        self.http.post(url).json(&body).send().await.unwrap().status()
    }

    async fn db(&self) -> Db {
        Db::open(&self.database).await.unwrap()
    }

    /// CometChat's users with how many tokens each has.
    async fn cometchat(&self) -> BTreeMap<String, (String, usize)> {
        let url = format!("{}/emulator/state", self.emulator);
        let state: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let known = |user: &Value| {
            (text(&user["uid"]), (text(&user["name"]), user["tokens"].as_array().unwrap().len()))
        };
        state["users"].as_array().unwrap().iter().map(known).collect()
    }

    async fn eventually_cometchat(
        &self,
        what: &str,
        holds: impl Fn(&BTreeMap<String, (String, usize)>) -> bool,
    ) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..600 {
            looks.tick().await;
            if holds(&self.cometchat().await) {
                return;
            }
        }
        panic!("never: {what}; there is {:?}", self.cometchat().await);
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        name.to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_do_each_job_once() {
    let mut world = World::new().await;
    let rows: String = (0..60).map(|i| format!("u{i},u{i}@example.com,User {i},\n")).collect();
    let file = world.file("users.csv", &format!("id,email,name,password_hash\n{rows}"));
    world.serve();
    let first = world.server.take();
    world.serve();
    world.run(&["user", "import", &file], "");
    world.eventually_cometchat("all are there", |users| users.len() == 60).await;
    let url = format!("{}/emulator/state", world.emulator);
    let state: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
    let creations = state["calls"].as_array().unwrap().iter().filter(|call| call["method"] == "POST").count();
    assert_eq!(creations, 60);
    let (mut child, _) = first.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

impl World {
    fn stop(&mut self) {
        if let Some((mut child, _)) = self.server.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_lives_from_add_to_delete_on_both_sides() {
    let mut world = World::new().await;
    world.serve();
    world.add("ada");
    world.add("grace");
    assert_eq!(world.run(&["user", "list"], "").lines().count(), 2);
    world.eventually_cometchat("both are there", |users| users.len() == 2).await;
    assert_eq!(world.login("ada@example.com", PASSWORD).await, StatusCode::OK);

    world.run(&["user", "rename", "ADA@example.com", "Ada Lovelace"], "");
    world.eventually_cometchat("she is renamed", |users| users["ada"].0 == "Ada Lovelace").await;
    let shown = world.run(&["user", "show", "ada"], "");
    for part in ["ada@example.com", "Ada Lovelace", "argon2id", "locked    no", "session   since 20"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }

    assert!(world.fails(&["user", "set-password", "ada"], "passwordpassword").contains("easy to guess"));
    let done = world.run(&["user", "set-password", "ada"], "carpet lantern november");
    assert!(done.contains("1 sessions ended"), "{done}");
    world.eventually_cometchat("her token is revoked", |users| users["ada"].1 == 0).await;
    assert_eq!(world.login("ada@example.com", PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.login("ada@example.com", "carpet lantern november").await, StatusCode::OK);
    assert!(world.run(&["user", "end-sessions", "ada"], "").contains("1 sessions"));

    assert!(world.fails(&["user", "delete", "ada"], "y").contains("--yes"));
    world.run(&["user", "delete", "ada", "--yes"], "");
    world.eventually_cometchat("she is gone", |users| users.keys().eq(["grace"])).await;
    assert!(world.fails(&["user", "show", "ada"], "").contains("no user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unlock_opens_an_account_that_failures_have_shut_and_so_does_another_password() {
    let mut world = World::new().await;
    world.add("ada");
    world.serve();
    let db = world.db().await;
    let mut tx = db.begin().await.unwrap();
    let account = cometchat_auth::sessions::sha256_hex(b"ada@example.com");
    tx.run(
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 100, $2)",
        values![&account, Clock::system().now()],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert!(throttle::is_shut(&db, "ada@example.com", 0).await.unwrap());
    assert!(world.run(&["user", "show", "ada"], "").contains("locked    yes"));
    assert_eq!(world.login("ada@example.com", PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert!(world.run(&["user", "unlock", "ada"], "").contains("was shut"));
    assert_eq!(world.login("ada@example.com", PASSWORD).await, StatusCode::OK);

    let shut =
        "INSERT INTO login_failures (key_hash, account_hash, failures, last_at) VALUES ($1, $1, 100, $2)";
    db.write(shut, values![&account, Clock::system().now()]).await.unwrap();
    world.run(&["user", "set-password", "ada"], "carpet lantern november");
    assert_eq!(world.login("ada@example.com", "carpet lantern november").await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sqlite_holds_goes_on_in_postgresql_and_nobody_notices() {
    if !common::is_on_postgres() {
        return;
    }
    let mut world = World::new().await;
    let postgres = std::mem::replace(&mut world.database, "sqlite://old.db".into());
    let names: Vec<_> =
        (0..1001).map(|number| format!("u{number},u{number}@example.com,Somebody,")).collect();
    let many = world.file("many.csv", &format!("id,email,name,password_hash\n{}\n", names.join("\n")));
    world.add("ada");
    world.run(&["user", "import", &many], "");
    world.serve();
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let login = format!("{}{}", world.server.as_ref().unwrap().1, routes::LOGIN);
    let answer = world.http.post(login).json(&body).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    world.stop();

    let refused = world.fails(&["copy-from", "sqlite://old.db"], "");
    assert!(refused.contains("DATABASE_URL must say where to copy to"), "{refused}");
    world.database = postgres;
    assert!(world.fails(&["copy-from", "sqlite://nothing.db"], "").contains("nothing.db"));
    let copied = world.run(&["copy-from", "sqlite://old.db"], "");
    assert!(copied.contains("1002 users, 1 sessions"), "{copied}");
    assert!(world.fails(&["copy-from", "sqlite://old.db"], "").contains("nothing was copied"));
    world.serve();
    let session = format!("{}{}", world.server.as_ref().unwrap().1, routes::SESSION);
    let answer = world.http.get(session).header("cookie", cookie).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(world.login("ada@example.com", PASSWORD).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_users_sign_in_with_their_old_passwords_and_get_a_hash_of_ours() {
    let mut world = World::new().await;
    let csv = world.file(
        "users.csv",
        &format!(
            "id,email,name,password_hash\n\
             p,p@example.com,\"Pea, Sweet\",\"{PBKDF2}\"\n\
             s,s@example.com,Ess,\"{SCRYPT}\"\n\
             b,b@example.com,Bee,{BCRYPT}\n\
             n,n@example.com,No Password,\n"
        ),
    );
    let dry = world.run(&["user", "import", &csv, "--dry-run"], "");
    assert!(dry.contains("4 users") && dry.contains("1 bcrypt") && dry.contains("1 no password"), "{dry}");
    assert_eq!(world.run(&["user", "list"], ""), "");
    world.run(&["user", "import", &csv], "");
    world.serve();
    world
        .eventually_cometchat("all are there", |users| users.len() == 4 && users["p"].0 == "Pea, Sweet")
        .await;
    for id in ["p", "s", "b"] {
        let email = format!("{id}@example.com");
        assert!(!world.run(&["user", "show", id], "").contains("argon2id"));
        assert_eq!(world.login(&email, "wrong horse").await, StatusCode::UNAUTHORIZED, "{id}");
        assert_eq!(world.login(&email, "correct horse").await, StatusCode::OK, "{id}");
        assert!(world.run(&["user", "show", id], "").contains("argon2id"));
        assert_eq!(world.login(&email, "correct horse").await, StatusCode::OK, "{id}");
    }
    assert_eq!(world.login("n@example.com", "correct horse").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_faults_is_told_line_by_line_and_nothing_of_it_is_imported() {
    let world = World::new().await;
    world.add("ada");
    let lines = [
        r#"{"id": "ok", "email": "ok@example.com", "name": "Okay"}"#.to_owned(),
        r#"{"id": "UPPER", "email": "nobody", "name": ""}"#.to_owned(),
        String::new(),
        r#"{"id": "ada", "email": "new@example.com", "name": "Taken"}"#.to_owned(),
        r#"{"id": "two", "email": "OK@example.com", "name": "Twice"}"#.to_owned(),
        r#"{"id": "h", "email": "h@example.com", "name": "H", "password_hash": "$1$secret$secret"}"#
            .to_owned(),
        r#"{"id": "x", "email": "x@example.com"}"#.to_owned(),
        "not json secret".to_owned(),
    ];
    let file = world.file("users.jsonl", &lines.join("\n"));
    let words = world.fails(&["user", "import", &file], "");
    for (line, part) in [
        (2, "id: 1 to 100"),
        (2, "email: This is not"),
        (2, "name: Enter"),
        (4, "id: ada is here already"),
        (5, "email: OK@example.com is in line 1 too"),
        (6, "password_hash: neither"),
        (7, "missing"),
        (8, "no JSON"),
    ] {
        let start = format!("users.jsonl:{line}: ");
        assert!(
            words.lines().any(|l| l.starts_with(&start) && l.contains(part)),
            "{line} {part} in\n{words}"
        );
    }
    assert!(words.contains("8 faults; nothing was imported"), "{words}");
    assert!(!words.contains("secret"), "a hash is not for the screen: {words}");
    assert_eq!(world.run(&["user", "list"], "").lines().count(), 1);

    let header = world.file("bad.csv", "id,mail\na,b\n");
    assert!(world.fails(&["user", "import", &header], "").contains("the first line must be"));
    let short = world.file("short.csv", "id,email,name,password_hash\na,a@example.com,A,\nb,b@example.com\n");
    assert!(world.fails(&["user", "import", &short], "").contains("short.csv:3: 2 fields"));
    assert!(world.fails(&["user", "import", "nothing.csv"], "").contains("nothing.csv"));
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_sync_finds_who_is_missing_at_cometchat_or_is_called_otherwise_there() {
    let mut world = World::new().await;
    for id in ["here", "missing", "renamed"] {
        world.add(id);
    }
    let db = world.db().await;
    db.write("DELETE FROM chat_jobs", &[]).await.unwrap();
    for (uid, name) in [("here", "Before"), ("renamed", "Otherwise"), ("stranger", "Not ours")] {
        let request = world.http.post(format!("{}/v3/users", world.emulator));
        let made = request.header("apikey", "emulator-rest-api-key").json(&json!({"uid": uid, "name": name}));
        assert!(made.send().await.unwrap().status().is_success());
    }
    let words = world.run(&["chat", "sync"], "");
    assert!(words.contains("1 users are missing at CometChat, 1 have another name"), "{words}");
    assert_eq!(world.run(&["chat", "jobs"], "").lines().count(), 2);
    world.serve();
    world
        .eventually_cometchat("all of ours agree, and the stranger is let alone", |users| {
            users.len() == 4 && users["missing"].0 == "Before" && users["renamed"].0 == "Before"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_can_never_succeed_is_shown_and_can_be_tried_again() {
    let mut world = World::new().await;
    let refuse = json!({"api": "rest", "kind": "status", "status": 400, "code": "ERR_BAD_REQUEST"});
    world.http.post(format!("{}/emulator/faults", world.emulator)).json(&refuse).send().await.unwrap();
    world.add("ada");
    world.serve();
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while !world.run(&["chat", "jobs"], "").contains("given up") {
        looks.tick().await;
    }
    let words = world.run(&["chat", "jobs"], "");
    assert!(words.contains("sync_user\tada") && words.contains("ERR_BAD_REQUEST"), "{words}");
    world.http.delete(format!("{}/emulator/faults", world.emulator)).send().await.unwrap();
    assert!(world.run(&["chat", "jobs", "--retry"], "").contains("1 jobs will be tried again"));
    world.eventually_cometchat("she is there", |users| users.contains_key("ada")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_wrong_folder_nothing_is_found_and_nothing_is_made() {
    let world = World::new().await;
    let elsewhere = canary::folder();
    for arguments in [
        &["user", "list"][..],
        &["user", "unlock", "ada@example.com"],
        &["chat", "jobs", "--retry"],
        &["chat", "sync"],
    ] {
        let mut command = world.command(arguments);
        command.current_dir(elsewhere.path()).env_remove("DATABASE_URL").env_remove("SECRET_KEY");
        let output = command.output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && words.contains("there is no database at"),
            "{arguments:?}: {words}"
        );
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
