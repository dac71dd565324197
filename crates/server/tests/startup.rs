//! The binary itself: what it says when it cannot start, its commands, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;
use test_support::{Process, binary, new_database};

/// Returns a command that runs the binary in `folder` with only these settings in its environment.
fn command(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = test_support::command(binary("cometchat-auth"));
    command.current_dir(folder).env_clear().envs(settings.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

const EMULATOR: (&str, &str) = ("COMETCHAT_EMULATOR_URL", "http://127.0.0.1:9");
const ANY_PORT: (&str, &str) = ("LISTEN", "127.0.0.1:0");

/// Runs the command, which must fail, and returns its standard error.
fn run_failing(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

/// Starts a server with limits on open files, in the syntax of `ulimit`.
fn start_with_files(folder: &Path, limit: &str) -> Process {
    let mut command = test_support::command("sh");
    command.args(["-c", &format!("ulimit {limit} && exec \"$0\"")]).arg(binary("cometchat-auth"));
    Process::server_by(command, folder, &[EMULATOR])
}

fn connect(server: &Process) -> TcpStream {
    let address: SocketAddr = server.address().parse().unwrap();
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Returns the response to a readiness request.
fn ready(server: &Process) -> String {
    let mut client = connect(server);
    client.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    response
}

fn open_files(server: &Process) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count()
}

fn add_user(folder: &Path, arguments: &[&str], password: &str) -> Output {
    let mut command = command(folder, &[]);
    let mut child = command.args(["user", "add"]).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // A command that rejects its arguments may have ended already.
    let _ = child.stdin.take().unwrap().write_all(password.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn invalid_settings_are_all_reported_at_startup() {
    let folder = folder();
    let settings =
        [("PUBLIC_URL", "example.com"), ("PASSWORD_HASH_THREADS", "many"), ("COMETCHAT_APPID", "x")];
    let message = run_failing(&mut command(folder.path(), &settings));
    for name in [
        "COMETCHAT_APP_ID:",
        "COMETCHAT_REGION:",
        "COMETCHAT_API_KEY:",
        "PUBLIC_URL:",
        "PASSWORD_HASH_THREADS:",
    ] {
        assert!(message.contains(name), "{name} in {message}");
    }
    assert!(message.contains("did you mean COMETCHAT_APP_ID?"), "{message}");
}

#[test]
fn dotenv_settings_are_overridden_by_flags() {
    let folder = folder();
    std::fs::write(
        folder.path().join(".env"),
        "COMETCHAT_EMULATOR_URL=http://127.0.0.1:9\nLISTEN=nonsense\n",
    )
    .unwrap();
    let message = run_failing(&mut command(folder.path(), &[]));
    assert!(message.contains("LISTEN: \"nonsense\""), "{message}");
    let mut serve = command(folder.path(), &[]);
    serve.args(["serve", "--listen", "127.0.0.1:0"]);
    Process::start(serve, &folder.path().join("log")).unwrap();
    let below = folder.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let message = run_failing(&mut command(&below, &[]));
    assert!(message.contains("COMETCHAT_APP_ID") && !message.contains("nonsense"), "{message}");
}

#[test]
fn port_in_use_is_reported_in_one_line() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let message = run_failing(&mut command(folder.path(), &[EMULATOR, ("LISTEN", &address)]));
    let line = message.lines().last().unwrap();
    assert!(line.contains("LISTEN") && line.contains(&address) && line.contains("another port"), "{message}");
}

#[test]
fn unwritable_folder_is_reported_at_startup() {
    let folder = folder();
    std::fs::write(folder.path().join("data"), "a file where the folder should be").unwrap();
    let message = run_failing(&mut command(folder.path(), &[EMULATOR, ANY_PORT]));
    assert!(message.contains("data"), "{message}");
    let key = ("SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let message = run_failing(&mut command(folder.path(), &[EMULATOR, ANY_PORT, key]));
    assert!(
        message.contains("cannot create the folder data") && message.contains("DATABASE_URL"),
        "{message}"
    );
}

#[tokio::test]
async fn foreign_database_file_is_left_untouched() {
    let folder = folder();
    let file = folder.path().join("app.db");
    let settings = [EMULATOR, ANY_PORT, ("DATABASE_URL", "sqlite://app.db")];
    let foreign = "this is a letter, and not a database at all\n".repeat(100);
    std::fs::write(&file, &foreign).unwrap();
    let message = run_failing(&mut command(folder.path(), &settings));
    assert!(message.contains("app.db") && message.contains("a database of cometchat-auth"), "{message}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), foreign);

    std::fs::remove_file(&file).unwrap();
    let recipes = "CREATE TABLE recipes (name TEXT)";
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(recipes).execute(&mut connection).await.unwrap();
    let message = run_failing(&mut command(folder.path(), &settings));
    assert!(message.contains("not a database of cometchat-auth"), "{message}");
    let tables = sqlx::query("SELECT sql FROM sqlite_master").fetch_all(&mut connection).await.unwrap();
    assert_eq!(tables.iter().map(|table| table.get::<String, _>(0)).collect::<Vec<_>>(), [recipes]);
}

#[test]
fn unknown_database_scheme_is_reported() {
    let folder = folder();
    let message =
        run_failing(&mut command(folder.path(), &[EMULATOR, ANY_PORT, ("DATABASE_URL", "mysql://x/y")]));
    assert!(message.contains("sqlite://"), "{message}");
}

#[test]
fn user_add_rejects_duplicate_and_weak_password() {
    let folder = folder();
    let ada = ["--id", "ada", "--email", "ada@example.com", "--name", "Ada"];
    let weak = add_user(folder.path(), &ada, "password\n");
    assert!(!weak.status.success());
    assert!(text(&weak.stderr).contains("at least 15"), "{}", text(&weak.stderr));
    let added = add_user(folder.path(), &ada, "a long enough password\n");
    assert!(added.status.success(), "{}", text(&added.stderr));
    let again = add_user(folder.path(), &ada, "a long enough password\n");
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("already exists"), "{}", text(&again.stderr));
    let same = ["--if-missing", "--id", "ada", "--email", "ADA@example.com", "--name", "Ada"];
    assert!(add_user(folder.path(), &same, "").status.success());
    let other = ["--if-missing", "--id", "other", "--email", "ada@example.com", "--name", "Other"];
    assert!(!add_user(folder.path(), &other, "a long enough password\n").status.success());
}

#[test]
fn user_add_rejects_invalid_id_email_or_name() {
    let folder = folder();
    for (id, email, name, flag) in [
        ("UPPER", "a@example.com", "A", "--id"),
        ("a/b", "a@example.com", "A", "--id"),
        ("a", "invalid", "A", "--email"),
        ("a", "a@example.com", "", "--name"),
        ("a", "a@example.com", "x\ny", "--name"),
    ] {
        let arguments = ["--id", id, "--email", email, "--name", name];
        let refused = add_user(folder.path(), &arguments, "a long enough password\n");
        assert!(!refused.status.success() && text(&refused.stderr).contains(flag), "{arguments:?}");
    }
    let nothing = add_user(folder.path(), &["--email", "a@example.com", "--name", "A"], "");
    assert!(!nothing.status.success(), "no password was given");
}

#[test]
fn healthcheck_fails_when_server_is_down() {
    let folder = folder();
    let server = Process::server(folder.path(), &[EMULATOR]);
    let check =
        |address: &str| command(folder.path(), &[("LISTEN", address)]).arg("healthcheck").output().unwrap();
    let well = check(server.address());
    assert!(well.status.success(), "{}", text(&well.stderr));
    let address = server.address().to_owned();
    drop(server);
    assert!(!check(&address).status.success());
}

#[test]
fn shutdown_signal_ends_server_with_success() {
    for signal in ["-TERM", "-INT"] {
        let folder = folder();
        let server = Process::server(folder.path(), &[EMULATOR]);
        TcpStream::connect(server.address()).unwrap();
        server.signal(signal);
        let address = server.address().to_owned();
        assert!(server.wait().success(), "{signal}");
        assert!(TcpStream::connect(&address).is_err());
    }
}

/// Raises the limit of open files to the maximum and returns it.
fn raise_fd_limit() -> usize {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).unwrap())
}

#[test]
fn idle_connections_block_no_others_and_get_408() {
    let folder = folder();
    // Fewer if the limit on open files is lower.
    let count = 10_000.min(raise_fd_limit() - 500);
    let server = start_with_files(folder.path(), "-Sn 1024");
    let idle: Vec<TcpStream> = (0..count).map(|_| connect(&server)).collect();
    let response = ready(&server);
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    let open = open_files(&server);
    assert!(open > count / 2, "{open} files are open for {count} connections");

    for mut stream in idle {
        let mut response = String::new();
        // Until the server ends it.
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    }
}

#[test]
fn connection_limit_follows_open_file_limit() {
    let folder = folder();
    raise_fd_limit();
    // 344 for connections; the server reserves 256 for other files.
    let server = start_with_files(folder.path(), "-n 600");
    let _idle: Vec<TcpStream> = (0..700).map(|_| connect(&server)).collect();
    let (answered, response) = mpsc::channel();
    std::thread::scope(|scope| {
        // The response comes when the server closes the first idle connections.
        scope.spawn(|| answered.send(ready(&server)).unwrap());
        let mut most = 0;
        let response = loop {
            match response.recv_timeout(Duration::from_millis(20)) {
                Ok(response) => break response,
                Err(_) => most = most.max(open_files(&server)),
            }
        };
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        assert!((300..450).contains(&most), "{most} files were open at once");
    });
}

#[tokio::test]
async fn concurrent_starts_on_new_database_succeed() {
    let folder = folder();
    let database = new_database(folder.path()).await;
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let (path, database) = (folder.path().to_owned(), database.clone());
            std::thread::spawn(move || Process::server(&path, &[EMULATOR, ("DATABASE_URL", &database)]))
        })
        .collect();
    for start in starts {
        TcpStream::connect(start.join().unwrap().address()).unwrap();
    }
}

#[test]
fn unreadable_dotenv_line_is_not_echoed() {
    let folder = tempfile::tempdir().unwrap();
    for line in ["COMETCHAT_API_KEY=hunter2hunter2 (the REST one)", "SECRET_KEY=hunter2\\x41"] {
        std::fs::write(folder.path().join(".env"), format!("{line}\n")).unwrap();
        let message = run_failing(&mut command(folder.path(), &[EMULATOR, ANY_PORT]));
        assert!(message.contains("cannot read .env") && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn dotenv_value_with_special_character_is_kept_or_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let check = |line: &str| {
        std::fs::write(folder.path().join(".env"), format!("# one\r\n{line}\r\n")).unwrap();
        let output = command(folder.path(), &[EMULATOR]).arg("check").output().unwrap();
        (text(&output.stdout), text(&output.stderr))
    };
    for url in
        ["postgres://u@h/p$ss", "\"postgres://u@h/p$ss\"", "postgres://u@h/p\\nss", "#postgres://u@h/pass"]
    {
        let (_, message) = check(&format!("DATABASE_URL={url}"));
        assert!(message.contains("cannot read .env: line 2 has a special character"), "{message}");
        assert!(message.contains("single quotes") && !message.contains("postgres"), "{message}");
    }
    let (settings, _) = check("DATABASE_URL='sqlite://p$ss#1.db' # it's");
    assert!(settings.contains("sqlite://p$ss#1.db"), "{settings}");
    let (_, message) = check("LISTEN=127.0.0.1:1\r\nLISTEN=127.0.0.1:2");
    assert!(message.contains("line 3 sets LISTEN, as line 2 does"), "{message}");
    std::fs::write(folder.path().join(".env"), b"LISTEN=127.0.0.1:0\xff").unwrap();
    let message = run_failing(&mut command(folder.path(), &[EMULATOR]));
    assert!(message.contains("save it in UTF-8"), "{message}");
}

#[test]
fn non_utf8_environment_variable_is_ignored() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mut check = command(folder.path(), &[EMULATOR]);
    let output = check.arg("check").env("NAME", std::ffi::OsStr::from_bytes(b"Jos\xe9")).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!message.contains("panicked") && message.contains("some checks failed"), "{message}");
}

#[test]
fn setting_in_another_encoding_is_rejected() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    for name in ["DATABASE_URL", "SECRET_KEY", "ASSERTION_KEY_FILE"] {
        let mut check = command(folder.path(), &[EMULATOR]);
        check.arg("check").env(name, std::ffi::OsStr::from_bytes(b"Jos\xe9"));
        let message = run_failing(&mut check);
        assert!(message.contains(&format!("{name}: write the value in UTF-8")), "{message}");
    }
}

#[test]
fn shutdown_works_while_database_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://app@{}/chat", silent.local_addr().unwrap());
    let mut child = command(folder.path(), &[EMULATOR, ANY_PORT, ("DATABASE_URL", &url)]).spawn().unwrap();
    // The server is connected and waits for the database to respond.
    let (_line, _) = silent.accept().unwrap();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn healthcheck_ignores_http_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::server(folder.path(), &[EMULATOR]);
    let proxy = ("HTTP_PROXY", "http://127.0.0.1:9");
    let asked = [("LISTEN", server.address()), proxy, ("http_proxy", "http://127.0.0.1:9")];
    let output = command(folder.path(), &asked).arg("healthcheck").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
