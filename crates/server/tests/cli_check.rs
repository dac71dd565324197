//! `cometchat-auth check` reports errors before a start.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use test_support::{Process, SECRET_KEY, TestEmulator, binary, command, new_database};

/// Runs `check`. Returns whether it succeeded, and its output.
fn check(folder: &Path, settings: &[(&str, &str)], flags: &[&str]) -> (bool, String) {
    let output = command(binary("cometchat-auth"))
        .current_dir(folder)
        .env_clear()
        .envs(settings.iter().copied())
        .arg("check")
        .args(flags)
        .output()
        .unwrap();
    let message = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(message).unwrap())
}

/// Returns the line of a setting with single spaces between its words.
fn line(message: &str, name: &str) -> String {
    let line = message.lines().find(|line| line.split(' ').next() == Some(name)).expect(message);
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn check_shows_setting_sources_and_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let (emulator, database) = (TestEmulator::start().url, new_database(folder.path()).await);
    std::fs::write(folder.path().join(".env"), "PASSWORD_MIN_LENGTH=12\nLISTEN=127.0.0.1:1\n").unwrap();
    std::fs::write(folder.path().join("key"), "emulator-rest-api-key\n").unwrap();
    let settings = [
        ("COMETCHAT_EMULATOR_URL", emulator.as_str()),
        ("DATABASE_URL", &database),
        ("COMETCHAT_API_KEY_FILE", "key"),
        ("SECRET_KEY", SECRET_KEY),
        ("SECRET_KEY_FALLBACKS", SECRET_KEY),
    ];
    let (well, message) = check(folder.path(), &settings, &["--listen", "127.0.0.1:2"]);
    assert!(well, "{message}");
    assert_eq!(line(&message, "LISTEN"), "LISTEN 127.0.0.1:2 flag");
    assert_eq!(line(&message, "PASSWORD_MIN_LENGTH"), "PASSWORD_MIN_LENGTH 12 .env");
    assert_eq!(line(&message, "SESSION_MAX_DAYS"), "SESSION_MAX_DAYS 30 default");
    assert_eq!(line(&message, "COMETCHAT_API_KEY"), "COMETCHAT_API_KEY [secret] in key environment");
    assert_eq!(line(&message, "SECRET_KEY"), "SECRET_KEY [secret] environment");
    assert!(message.contains("database ") && message.contains("CometChat  ok"), "{message}");
    assert!(!message.contains("BwcH") && !message.contains("emulator-rest-api-key"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_creates_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let (well, message) =
        check(folder.path(), &[("COMETCHAT_EMULATOR_URL", &TestEmulator::start().url)], &[]);
    assert!(well && message.contains("the first start creates it"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "neither database nor key");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_dashboard_page_for_rejected_key() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = TestEmulator::start().url;
    for (name, value, place) in [
        ("COMETCHAT_API_KEY", "not-the-key", "API & Auth Keys in CometChat's dashboard"),
        ("COMETCHAT_APP_ID", "anotherapp", "your app's page in CometChat's dashboard"),
    ] {
        let settings = [("COMETCHAT_EMULATOR_URL", emulator.as_str()), (name, value)];
        let (well, message) = check(folder.path(), &settings, &[]);
        assert!(!well && message.contains(name) && message.contains(place), "{message}");
    }
}

#[test]
fn check_redacts_password_of_unreachable_database() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9"),
        ("DATABASE_URL", "postgres://app:hunter2hunter2@127.0.0.1:9/chat"),
    ];
    let (well, message) = check(folder.path(), &settings, &[]);
    assert!(!well, "{message}");
    assert_eq!(
        line(&message, "DATABASE_URL"),
        "DATABASE_URL postgres://app:***@127.0.0.1:9/chat environment"
    );
    assert!(message.contains("database   FAILED: cannot open the database chat on 127.0.0.1:9"), "{message}");
    assert!(message.contains("CometChat  FAILED: CometChat cannot be reached"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn check_redacts_password_in_malformed_url() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "postgres://app:hunter2/a@db:5432/chat",
        "postgres://app:/hunter2@127.0.0.1:9/chat",
        "postgres://app:2024#hunter2@127.0.0.1:9/chat",
        "postgres://app:2024?hunter2@127.0.0.1:9/chat",
        "postgres://127.0.0.1:9/chat?user=app&password=hunter2",
        "\"postgres://app:hunter2@127.0.0.1:9/chat\"",
    ] {
        let settings = [("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9"), ("DATABASE_URL", url)];
        let (well, message) = check(folder.path(), &settings, &[]);
        assert!(!well && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn check_and_start_warn_about_origin_of_another_site() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9"),
        ("PUBLIC_URL", "http://localhost:5303"),
        ("ALLOWED_ORIGINS", "http://127.0.0.1:5501,http://localhost:5501"),
    ];
    let (_, message) = check(folder.path(), &settings, &[]);
    let warnings: Vec<_> = message.lines().filter(|line| line.contains("WARNING")).collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("http://127.0.0.1:5501 is of another site"),
        "{message}"
    );
    drop(Process::server(folder.path(), &settings));
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("http://127.0.0.1:5501 is of another site"), "{log}");
}

#[test]
fn name_that_means_a_setting_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = ("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9");
    for (name, setting) in [("ASSERTION_SECRET", "ASSERTION_KEY"), ("HANDOVER_SECRET", "ASSERTION_KEY")] {
        let (well, message) = check(folder.path(), &[emulator, (name, "hunter2")], &[]);
        assert!(!well && message.contains(&format!("{name}: unknown setting; set {setting}")), "{message}");
    }
    let (_, message) =
        check(folder.path(), &[emulator, ("ASSERTION_SECRET", "x"), ("ASSERTION_KEY", SECRET_KEY)], &[]);
    assert!(!message.contains("ASSERTION_SECRET"), "{message}");

    let names = [("JWT_SECRET", "hunter2"), ("CORS_ORIGINS", "http://x"), ("DB_URL", "hunter2")];
    let warnings = |message: &str| message.lines().filter(|line| line.contains("WARNING")).count();
    let (_, message) = check(folder.path(), &[&[emulator][..], &names].concat(), &[]);
    assert_eq!(warnings(&message), 0, "other programs may use them: {message}");
    let dotenv: String = names.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(folder.path().join(".env"), dotenv).unwrap();
    let (_, message) = check(folder.path(), &[emulator], &[]);
    for setting in ["ASSERTION_KEY", "ALLOWED_ORIGINS", "DATABASE_URL"] {
        assert!(message.contains(&format!("if it is meant for this server, set {setting}")), "{message}");
    }
    assert!(warnings(&message) == 3 && !message.contains("hunter2"), "{message}");
    let (_, message) = check(folder.path(), &[emulator, ("DATABASE_URL", "sqlite://a.db")], &[]);
    assert_eq!(warnings(&message), 2, "{message}");
}
