//! `user import` and `migrate-sqlite`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::PASSWORD;
use common::cli_env::CliEnv;
use reqwest::StatusCode;
use shared::routes;

/// Of "correct horse", made by Python's hashlib and bcrypt.
const PBKDF2: &str =
    "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ";
const SCRYPT: &str =
    "$scrypt$ln=8,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s";
const BCRYPT: &str = "$2a$04$NLXaAhfSt2UvhI8uImQxeeMIGBw1lIKh1CTIxAfoet.BsN5RIps3u";

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_migration_to_postgresql_keeps_sessions() {
    if !common::uses_postgres() {
        return;
    }
    let mut env = CliEnv::new().await;
    let postgres = std::mem::replace(&mut env.database, "sqlite://old.db".into());
    let names: Vec<_> = (0..1001).map(|number| format!("u{number},u{number}@example.com,Name,")).collect();
    let many = env.file("many.csv", &format!("id,email,name,password_hash\n{}\n", names.join("\n")));
    env.add("ada");
    env.run(&["user", "import", &many], "");
    env.serve();
    let response = env.login_response("ada@example.com", PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    env.stop();

    let refused = env.run_failing(&["migrate-sqlite", "sqlite://old.db"], "");
    assert!(refused.contains("DATABASE_URL must be a PostgreSQL URL"), "{refused}");
    env.database = postgres;
    // The copied data must be decryptable with the key of the target.
    let key = env.run_failing(&["migrate-sqlite", "sqlite://old.db"], "");
    assert!(key.contains("copy it to data/secret.key"), "{key}");
    std::fs::create_dir(env.folder.path().join("data")).unwrap();
    std::fs::copy(env.folder.path().join("secret.key"), env.folder.path().join("data/secret.key")).unwrap();
    assert!(env.run_failing(&["migrate-sqlite", "sqlite://nothing.db"], "").contains("nothing.db"));
    let copied = env.run(&["migrate-sqlite", "sqlite://old.db"], "");
    assert!(copied.contains("1002 users, 1 sessions"), "{copied}");
    assert!(env.run_failing(&["migrate-sqlite", "sqlite://old.db"], "").contains("nothing was copied"));
    env.serve();
    let session = env.http.get(env.url(routes::SESSION)).header("cookie", &cookie);
    assert_eq!(session.send().await.unwrap().status(), StatusCode::OK);
    let before = env.cometchat().await["ada"].1;
    let logout = env.http.post(env.url(routes::LOGOUT)).header("cookie", &cookie);
    assert_eq!(logout.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    env.eventually_cometchat("its token is revoked", |users| users["ada"].1 == before - 1).await;
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_users_keep_passwords_and_get_new_hash() {
    let mut env = CliEnv::new().await;
    let csv = env.file(
        "users.csv",
        &format!(
            "id,email,name,password_hash\n\
             p,p@example.com,\"Pea, Sweet\",\"{PBKDF2}\"\n\
             s,s@example.com,Ess,\"{SCRYPT}\"\n\
             b,b@example.com,Bee,{BCRYPT}\n\
             n,n@example.com,No Password,\n"
        ),
    );
    let dry = env.run(&["user", "import", &csv, "--dry-run"], "");
    assert!(dry.contains("4 users") && dry.contains("1 bcrypt") && dry.contains("1 no password"), "{dry}");
    assert_eq!(env.run(&["user", "list"], ""), "");
    env.run(&["user", "import", &csv], "");
    env.serve();
    env.eventually_cometchat("all are there", |users| users.len() == 4 && users["p"].0 == "Pea, Sweet").await;
    for id in ["p", "s", "b"] {
        let email = format!("{id}@example.com");
        assert!(!env.run(&["user", "show", id], "").contains("argon2id"));
        assert_eq!(env.login(&email, "wrong horse").await, StatusCode::UNAUTHORIZED, "{id}");
        assert_eq!(env.login(&email, "correct horse").await, StatusCode::OK, "{id}");
        assert!(env.run(&["user", "show", id], "").contains("argon2id"));
        assert_eq!(env.login(&email, "correct horse").await, StatusCode::OK, "{id}");
    }
    assert_eq!(env.login("n@example.com", "correct horse").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn import_reports_all_faulty_lines_and_imports_none() {
    let env = CliEnv::new().await;
    env.add("ada");
    let lines = [
        r#"{"id": "ok", "email": "ok@example.com", "name": "Okay"}"#.to_owned(),
        r#"{"id": "UPPER", "email": "invalid", "name": ""}"#.to_owned(),
        String::new(),
        r#"{"id": "ada", "email": "new@example.com", "name": "Taken"}"#.to_owned(),
        r#"{"id": "two", "email": "OK@example.com", "name": "Twice"}"#.to_owned(),
        r#"{"id": "h", "email": "h@example.com", "name": "H", "password_hash": "$1$secret$secret"}"#
            .to_owned(),
        r#"{"id": "x", "email": "x@example.com"}"#.to_owned(),
        "not json secret".to_owned(),
    ];
    let file = env.file("users.jsonl", &lines.join("\n"));
    let message = env.run_failing(&["user", "import", &file], "");
    for (line, part) in [
        (2, "id: must be 1 to 100"),
        (2, "email: Enter an email address"),
        (2, "name: Enter"),
        (4, "id: ada is already in use"),
        (5, "email: OK@example.com is a duplicate of line 1"),
        (6, "password_hash: not an argon2"),
        (7, "missing, unknown or non-text field"),
        (8, "invalid JSON"),
    ] {
        let start = format!("users.jsonl:{line}: ");
        assert!(
            message.lines().any(|l| l.starts_with(&start) && l.contains(part)),
            "{line} {part} in\n{message}"
        );
    }
    assert!(message.contains("8 errors; nothing was imported"), "{message}");
    assert!(!message.contains("secret"), "a hash was printed: {message}");
    assert_eq!(env.run(&["user", "list"], "").lines().count(), 1);

    let header = env.file("bad.csv", "id,mail\na,b\n");
    assert!(env.run_failing(&["user", "import", &header], "").contains("the header must be"));
    let short = env.file("short.csv", "id,email,name,password_hash\na,a@example.com,A,\nb,b@example.com\n");
    assert!(env.run_failing(&["user", "import", &short], "").contains("short.csv:3: 2 fields"));
    assert!(env.run_failing(&["user", "import", "nothing.csv"], "").contains("nothing.csv"));
}

#[tokio::test(flavor = "multi_thread")]
async fn import_refuses_hash_over_cost_limit() {
    let env = CliEnv::new().await;
    let salt_and_output = "c2FsdHNhbHRzYWx0c2FsdA$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ";
    let hashes = [
        format!("$pbkdf2-sha256$i=2500001${salt_and_output}"),
        format!("$scrypt$ln=18,r=8,p=3${salt_and_output}"),
        format!("$2b$16${}", ".".repeat(53)),
        format!("$argon2id$v=19$m=262145,t=1,p=1${salt_and_output}"),
    ];
    let users: String = hashes
        .iter()
        .enumerate()
        .map(|(number, hash)| format!("u{number},u{number}@example.com,U,\"{hash}\"\n"))
        .collect();
    let file = env.file("users.csv", &format!("id,email,name,password_hash\n{users}"));
    let message = env.run_failing(&["user", "import", &file], "");
    for line in 2..6 {
        let start = format!("users.csv:{line}: password_hash: its cost exceeds the maximum");
        assert!(message.lines().any(|message| message.starts_with(&start)), "{line} in\n{message}");
    }
    assert_eq!(env.run(&["user", "list"], ""), "");
}
