//! Tests of the access rights of the files that the server and its commands write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cometchat_auth::db::Db;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use test_support::{PASSWORD, Process, binary, canary, command};

const EMULATOR: (&str, &str) = ("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9");
const DATABASE_FILES: [&str; 3] = ["cometchat-auth.db", "cometchat-auth.db-wal", "cometchat-auth.db-shm"];

/// Returns a command for the server with a umask of 000.
fn with_open_umask() -> Command {
    let mut command = command("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(binary("cometchat-auth"));
    command
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn assert_private(data: &Path, files: &[&str]) {
    assert_eq!(mode(data), 0o700, "{}", data.display());
    for file in files {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[test]
fn first_start_files_are_private_with_open_umask() {
    let folder = canary::folder();
    let _server = Process::server_by(with_open_umask(), folder.path(), &[EMULATOR]);
    assert_private(&folder.path().join("data"), &DATABASE_FILES);
    assert_private(&folder.path().join("data"), &["secret.key"]);
}

#[test]
fn existing_files_become_private_at_startup() {
    let folder = canary::folder();
    let data = folder.path().join("data");
    // Killed, so that SQLite's files beside the database remain.
    drop(Process::server(folder.path(), &[EMULATOR]));
    for entry in fs::read_dir(&data).unwrap() {
        set_mode(&entry.unwrap().path(), 0o644);
    }
    set_mode(&data, 0o755);
    let _server = Process::server_by(with_open_umask(), folder.path(), &[EMULATOR]);
    assert_private(&data, &DATABASE_FILES);
    assert_private(&data, &["secret.key"]);
}

#[tokio::test]
async fn key_file_with_postgresql_is_private() {
    if !test_support::uses_postgres() {
        return;
    }
    let folder = canary::folder();
    let database = test_support::new_database(folder.path()).await;
    let settings = [EMULATOR, ("DATABASE_URL", database.as_str())];
    let data = folder.path().join("data");
    drop(Process::server_by(with_open_umask(), folder.path(), &settings));
    assert_private(&data, &["secret.key"]);
    set_mode(&data, 0o755);
    set_mode(&data.join("secret.key"), 0o644);
    let _server = Process::server_by(with_open_umask(), folder.path(), &settings);
    assert_private(&data, &["secret.key"]);
}

#[test]
fn shared_folder_keeps_mode_and_log_warns() {
    let folder = canary::folder();
    let shared = folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("of-another-program"), "").unwrap();
    set_mode(&shared.join("of-another-program"), 0o644);
    set_mode(&shared, 0o755);
    let settings = [EMULATOR, ("DATABASE_URL", "sqlite://shared/app.db")];
    let server = Process::server_by(with_open_umask(), folder.path(), &settings);
    for file in ["app.db", "app.db-wal", "app.db-shm", "secret.key"] {
        assert_eq!(mode(&shared.join(file)), 0o600, "{file}");
    }
    assert_eq!((mode(&shared), mode(&shared.join("of-another-program"))), (0o755, 0o644));
    drop(server);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("chmod 700") && log.contains("shared"), "{log}");
}

#[test]
fn cli_command_creates_private_files() {
    let folder = canary::folder();
    let mut command = with_open_umask();
    command.args(["user", "add", "--id", "ada", "--email", "ada@example.com", "--name", "Ada"]);
    let mut child = command.current_dir(folder.path()).env_clear().stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_private(&folder.path().join("data"), &["cometchat-auth.db"]);
}

#[test]
fn check_leaves_file_modes_unchanged() {
    let folder = canary::folder();
    drop(Process::server(folder.path(), &[EMULATOR]));
    let data = folder.path().join("data");
    for path in [data.join("secret.key"), data.join("cometchat-auth.db")] {
        set_mode(&path, 0o644);
    }
    set_mode(&data, 0o755);
    let mut command = command(binary("cometchat-auth"));
    command.arg("check").current_dir(folder.path()).env_clear().envs([EMULATOR]).stdout(Stdio::null());
    // CometChat is unreachable, so the command fails.
    assert!(!command.stderr(Stdio::null()).status().unwrap().success());
    assert_eq!((mode(&data), mode(&data.join("secret.key"))), (0o755, 0o644));
}

#[tokio::test]
async fn library_opened_database_is_private() {
    let folder = canary::folder();
    let file = folder.path().join("new/app.db");
    let db = Db::open(&format!("sqlite://{}", file.display())).await.unwrap();
    // The first connection of the pool creates the files beside the database.
    db.execute("DELETE FROM users", &[]).await.unwrap();
    assert_private(file.parent().unwrap(), &["app.db", "app.db-wal", "app.db-shm"]);
    db.close().await;
}

#[tokio::test]
async fn foreign_database_keeps_its_file_mode() {
    let folder = canary::folder();
    let file = folder.path().join("app.db");
    let url = format!("sqlite://{}", file.display());
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE recipes (name TEXT)").execute(&mut connection).await.unwrap();
    set_mode(&file, 0o644);
    assert!(Db::open(&url).await.is_err());
    assert_eq!(mode(&file), 0o644);
}
