//! Tests of a full disk and of a read-only disk. Only for SQLite, and only if the test may mount a file system in a
//! namespace, which ends with the server.

use crate::env::Browser;
use cometchat_auth::db::Db;
use reqwest::StatusCode;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use test_support::{ConsistencyChecker, PASSWORD, Process, SECRET_KEY, TestEmulator, binary, canary, client};

/// Returns a command that mounts a file system at the folder `$0` in its own namespace, and executes the server.
fn on(mount: &str, folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    // The new user namespace would reset what `test_support::command` sets.
    let script = format!("{mount} && exec setpriv --pdeathsig KILL -- \"$1\"");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .arg(folder)
        .arg(binary("cometchat-auth"));
    command
}

/// Returns whether the test may mount; prints a message if not.
fn can_mount() -> bool {
    if test_support::uses_postgres() {
        return false;
    }
    let folder = canary::folder();
    let mut mount = Command::new("unshare");
    mount.args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none"]).arg(folder.path());
    let can = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: mounting is not permitted");
    }
    can
}

/// A server whose data folder is a file system of 4 MB.
struct Small {
    server: Process,
    emulator: TestEmulator,
    /// Its data folder, as seen from the test.
    data: PathBuf,
    _folder: TempDir,
}

impl Small {
    fn new() -> Self {
        let folder = canary::folder();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let (database, emulator) = (format!("sqlite://{}/test.db", data.display()), TestEmulator::start());
        let settings = [
            ("DATABASE_URL", database.as_str()),
            ("SECRET_KEY", SECRET_KEY),
            ("COMETCHAT_EMULATOR_URL", &emulator.url),
        ];
        let disk = on("mount -t tmpfs -o size=4m none \"$0\"", &data);
        let server = Process::server_by(disk, folder.path(), &settings);
        let data = format!("/proc/{}/root{}", server.id(), data.display()).into();
        Self { server, emulator, data, _folder: folder }
    }

    fn browser(&self) -> Browser {
        Browser::new(client(), self.server.url.clone())
    }

    /// Fills the disk to the last byte.
    fn fill(&self) {
        let mut filler = File::create(self.data.join("filler")).unwrap();
        for size in [64 * 1024, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.data.join("filler")).unwrap();
    }

    /// Checks the consistency of a copy of the database while the server is stopped by a signal. SQLite cannot open the
    /// database in the other namespace.
    async fn agrees(&self) {
        self.server.signal("-STOP");
        let copy = canary::folder();
        for file in ["test.db", "test.db-wal"] {
            std::fs::copy(self.data.join(file), copy.path().join(file)).unwrap();
        }
        let db = Db::open(&format!("sqlite://{}/test.db", copy.path().display())).await.unwrap();
        ConsistencyChecker::new(self.emulator.clone(), db).assert_no_orphans().await;
        self.server.signal("-CONT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_returns_503_and_loses_nothing() {
    if !can_mount() {
        return;
    }
    let small = Small::new();
    let [mut ada, mut grace] = [(); 2].map(|()| small.browser());
    assert_eq!(ada.register("ada@a").await, Some(StatusCode::CREATED));
    assert_eq!(grace.register("grace@a").await, Some(StatusCode::CREATED));
    small.fill();
    for _ in 0..3 {
        let unavailable = Some(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(small.browser().login("ada@a", PASSWORD).await, unavailable);
        assert_eq!(small.browser().register("new@a").await, unavailable);
        assert_eq!(ada.rename("Countess").await, unavailable);
        assert_eq!(ada.change_password().await, unavailable);
        assert_eq!(grace.logout().await, unavailable);
        assert_eq!(ada.session().await, Some(StatusCode::OK), "reads still work");
    }

    small.empty();
    small.agrees().await;
    assert_eq!(
        small.browser().register("new@a").await,
        Some(StatusCode::CREATED),
        "the failed registration left no data"
    );
    assert_eq!(small.browser().login("ada@a", PASSWORD).await, Some(StatusCode::OK));
    assert_eq!(ada.rename("Countess").await, Some(StatusCode::OK));
    assert_eq!(grace.session().await, Some(StatusCode::OK), "a failed sign-out ends no session");
    assert_eq!(grace.logout().await, Some(StatusCode::NO_CONTENT));
    assert_eq!(grace.session().await, Some(StatusCode::UNAUTHORIZED));
    small.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_data_folder_is_reported_at_startup() {
    if !can_mount() {
        return;
    }
    let folder = canary::folder();
    let data = folder.path().join("data");
    let (database, emulator) = (format!("sqlite://{}/test.db", data.display()), TestEmulator::start());
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("SECRET_KEY", SECRET_KEY),
        ("COMETCHAT_EMULATOR_URL", &emulator.url),
    ];
    // With the files of an earlier run, and without any.
    for runs_before in [1, 0] {
        std::fs::create_dir_all(&data).unwrap();
        for _ in 0..runs_before {
            let server = Process::server(folder.path(), &settings);
            server.signal("-TERM");
            assert!(server.wait().success());
        }
        let mut read_only = on("mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"", &data);
        let ended = read_only.current_dir(folder.path()).env_clear().envs(settings).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success());
        let message = format!("cannot open the database {}/test.db", data.display());
        assert!(said.contains(&message) && said.contains("Make the file and its folder writable"), "{said}");
        std::fs::remove_dir_all(&data).unwrap();
    }
}
