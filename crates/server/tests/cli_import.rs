//! `user import` and `migrate-sqlite`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cometchat_auth::db::Db;
use reqwest::StatusCode;
use shared::routes;
use test_support::{PASSWORD, TestEnv};

/// Of "correct horse", made by Python's hashlib and bcrypt.
const PBKDF2: &str =
    "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ";
const SCRYPT: &str =
    "$scrypt$ln=8,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$W6uXFntaQULZth9xzFaPbripaD3jOtBk0fCyCCkoi0s";
const BCRYPT: &str = "$2a$04$NLXaAhfSt2UvhI8uImQxeeMIGBw1lIKh1CTIxAfoet.BsN5RIps3u";

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_migration_to_postgresql_keeps_sessions() {
    if !test_support::uses_postgres() {
        return;
    }
    let mut env = TestEnv::new().await;
    env.settings.clear();
    let postgres = std::mem::replace(&mut env.database, "sqlite://old.db".into());
    let names: Vec<_> = (0..1001).map(|number| format!("u{number},u{number}@example.com,Name,")).collect();
    let many = env.file("many.csv", &format!("id,email,name,password_hash\n{}\n", names.join("\n")));
    env.add("ada");
    env.run(&["user", "import", &many], "");
    env.start();
    let response = env.login_response("ada@example.com", PASSWORD).await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    env.kill();

    let refused = env.run_failing(&["migrate-sqlite", "sqlite://old.db"], "");
    assert!(refused.contains("DATABASE_URL must be a PostgreSQL URL"), "{refused}");
    env.database = postgres;
    // The copied data must be decryptable with the key of the target.
    let key = env.run_failing(&["migrate-sqlite", "sqlite://old.db"], "");
    assert!(key.contains("copy it to data/secret.key"), "{key}");
    std::fs::create_dir(env.folder.path().join("data")).unwrap();
    std::fs::copy(env.folder.path().join("secret.key"), env.folder.path().join("data/secret.key")).unwrap();
    assert!(env.run_failing(&["migrate-sqlite", "sqlite://nothing.db"], "").contains("nothing.db"));
    let empty = format!("sqlite://{}/empty.db", env.folder.path().display());
    Db::open(&empty).await.unwrap().close().await;
    let refused = env.run_failing(&["migrate-sqlite", &empty], "");
    assert!(refused.contains("has no users; nothing was copied"), "{refused}");
    let copied = env.run(&["migrate-sqlite", "sqlite://old.db"], "");
    assert!(copied.contains("1002 users, 1 sessions"), "{copied}");
    assert!(env.run_failing(&["migrate-sqlite", "sqlite://old.db"], "").contains("nothing was copied"));
    env.start();
    let session = env.http.get(env.url(routes::SESSION)).header("cookie", &cookie);
    assert_eq!(session.send().await.unwrap().status(), StatusCode::OK);
    let before = env.emulator.tokens("ada").await.len();
    let logout = env.http.post(env.url(routes::LOGOUT)).header("cookie", &cookie);
    assert_eq!(logout.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    env.eventually_cometchat("its token is revoked", |users| users["ada"].1.len() == before - 1).await;
    assert_eq!(env.login("ada@example.com", PASSWORD).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_users_keep_passwords_and_get_new_hash() {
    let mut env = TestEnv::new().await;
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
    env.start();
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
    let env = TestEnv::new().await;
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
    let env = TestEnv::new().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn import_error_names_the_line_of_a_crlf_file() {
    let env = TestEnv::new().await;
    let file =
        env.file("u.csv", "id,email,name,password_hash\r\na,bad,Ann,\r\nb,b@e.com,B,\r\na,c@e.com,C,\r\n");
    let message = env.run_failing(&["user", "import", &file], "");
    assert!(message.contains("u.csv:2: email: Enter an email address"), "{message}");
    assert!(message.contains("u.csv:4: id: a is a duplicate of line 2"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn import_reads_json_array_and_refuses_other_files() {
    let env = TestEnv::new().await;
    let array = r#"[{"id": "a", "email": "a@example.com", "name": "A"}, {"id": "b", "email": "b@e.com", "name": "B", "password_hash": null}]"#;
    let imported = env.run(&["user", "import", &env.file("users.json", array)], "");
    assert!(imported.starts_with("2 users (2 no password) imported"), "{imported}");
    for (name, content) in [
        ("empty.csv", ""),
        ("header.csv", "id,email,name,password_hash\r\n"),
        ("empty.json", "[]"),
        ("semicolons.csv", "id;email;name;password_hash\nc;c@example.com;C;\n"),
        ("users.xlsx", "PK\u{3}\u{4}and more"),
    ] {
        for arguments in
            [&["user", "import", &env.file(name, content)][..], &["user", "import", name, "--dry-run"]]
        {
            let message = env.run_failing(arguments, "");
            assert!(message.contains(name) && message.contains("nothing was imported"), "{message}");
        }
    }
    assert_eq!(env.run(&["user", "list"], "").lines().count(), 2);
}

/// The hashes are by Python's bcrypt and by the reference implementation of Argon2.
#[tokio::test(flavor = "multi_thread")]
async fn imported_password_opens_in_the_form_that_was_hashed() {
    let mut env = TestEnv::new().await;
    let users = [
        ("nfd", "cafe\u{301} horse", "$2b$04$abcdefghijklmnopqrstuuRhrOJj3o1vxA8cpYO6IGPLS2bQO2mTq"),
        (
            "argon2id",
            "cafe\u{301} horse",
            "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$YXU2GsoPxO/jouSAgzI57mogJOH9emneABw16vH5sRo",
        ),
        (
            "nfkc",
            "\u{ff43}orrect \u{ff48}orse",
            "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        ),
        (
            "django",
            "correct horse",
            "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        ),
    ];
    let lines = users.map(|(id, _, hash)| format!("{id},{id}@example.com,Name,\"{hash}\"\n")).concat();
    let file = env.file("users.csv", &format!("id,email,name,password_hash\n{lines}"));
    let imported = env.run(&["user", "import", &file], "");
    assert!(imported.contains("4 users (1 argon2id, 2 bcrypt, 1 pbkdf2) imported"), "{imported}");
    env.start();
    for (id, typed, _) in users {
        let email = format!("{id}@example.com");
        assert_eq!(env.login(&email, "wrong horse").await, StatusCode::UNAUTHORIZED, "{id}");
        assert_eq!(env.login(&email, typed).await, StatusCode::OK, "{id}");
        // From then on it is the server's own hash, of the password in NFC.
        let nfc = typed.replace("e\u{301}", "\u{e9}");
        assert_eq!(env.login(&email, &nfc).await, StatusCode::OK, "{id}");
        assert_eq!(env.login(&email, typed).await, StatusCode::OK, "{id}");
        assert!(env.run(&["user", "show", id], "").contains("argon2id"), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn import_takes_both_spellings_of_a_domain_as_one() {
    let env = TestEnv::new().await;
    let header = "id,email,name,password_hash";
    let twice =
        format!("{header}\na,max@m\u{fc}nchen.de,A,\nb,MAX@xn--mnchen-3ya.de,B,\nc,c@xn--99999999.de,C,\n");
    let message = env.run_failing(&["user", "import", &env.file("twice.csv", &twice)], "");
    assert!(message.contains("twice.csv:3: email: ") && message.contains("duplicate of line 2"), "{message}");
    assert!(message.contains("twice.csv:4: email: The domain after the @"), "{message}");
    let file = env.file("u.csv", &format!("{header}\nb,MAX@xn--mnchen-3ya.de,B,\n"));
    env.run(&["user", "import", &file], "");
    assert_eq!(env.run(&["user", "list"], ""), "b\tMAX@m\u{fc}nchen.de\tB\n");
}
