//! Processes that end with the test run, and the binaries of the workspace.

use crate::config::DEFAULTS;
use crate::{TIMEOUT, canary};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;

/// A process that listens on a port. It ends when it is dropped, and when the test run ends, even if that is killed.
pub struct Process {
    pub url: String,
    child: Child,
    /// Has the URL, and is closed when the process closes its standard output.
    announced: Mutex<Receiver<String>>,
}

impl Process {
    /// Starts a [`command`] with its standard error appended to the file `log`, and waits for the line on its standard
    /// output that has its URL or port.
    pub fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        command.stdout(Stdio::piped()).stderr(File::options().create(true).append(true).open(log)?);
        let program = format!("{command:?}");
        let mut child = spawn(command)?;
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (announce, announced) = channel();
        // Reads to the end, because a process blocks when the pipe of its standard output is full.
        thread::spawn(move || {
            for url in stdout.lines().map_while(Result::ok).filter_map(|line| url_in(&line)) {
                let _ = announce.send(url);
            }
        });
        let url = announced.recv_timeout(TIMEOUT);
        let mut process = Self { url: String::new(), child, announced: Mutex::new(announced) };
        process.url = url.map_err(|error| {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            io::Error::other(format!("{program} does not listen: {error}; its log:\n{log}"))
        })?;
        Ok(process)
    }

    /// Starts the server on a free port with these settings, without limits on logins. It logs to the file `log` in the
    /// folder.
    pub fn server(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::server_by(command(binary("cometchat-auth")), folder, settings)
    }

    /// Like [`Process::server`], with a command that executes the server.
    pub fn server_by(command: Command, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let command = configured(command, folder, settings);
        Self::start(command, &folder.join("log")).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Returns its host and port.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `-TERM`.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits until the process ends, and panics after [`TIMEOUT`].
    pub fn wait(mut self) -> ExitStatus {
        let ended = self.announced.get_mut().unwrap().recv_timeout(TIMEOUT);
        assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected), "the process does not end");
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a command without standard input that the kernel kills when the thread that spawned it ends.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdin(Stdio::null());
    command
}

/// Configures a command that executes the server, without the developer's environment.
pub(crate) fn configured(mut command: Command, folder: &Path, settings: &[(&str, &str)]) -> Command {
    command
        .current_dir(folder)
        .env_clear()
        .envs(DEFAULTS)
        .envs(canary::settings())
        .envs(settings.iter().copied());
    command
}

/// Returns the path of a binary of the workspace: in `$E2E_BIN`, or beside the folder of the running test in
/// `target/PROFILE`.
pub fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("E2E_BIN").map(PathBuf::from);
    let path = folder
        .unwrap_or_else(|| std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned())
        .join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `make test`, or cargo build --workspace --bins",
        path.display()
    );
    path
}

/// Spawns a command in a thread that lives as long as the test run, so that a [`command`] outlives the thread of its
/// caller.
fn spawn(command: Command) -> io::Result<Child> {
    type Request = (Command, Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<Sender<Request>> = LazyLock::new(|| {
        let (requests, received) = channel::<Request>();
        thread::spawn(move || {
            for (mut command, reply) in received {
                let _ = reply.send(command.spawn());
            }
        });
        requests
    });
    let (reply, child) = channel();
    SPAWNER.send((command, reply)).unwrap();
    child.recv().unwrap()
}

/// Returns the URL in the line with which the server, the emulator or chromedriver says that it listens.
fn url_in(line: &str) -> Option<String> {
    line.strip_prefix("listening on ").map(str::to_owned).or_else(|| {
        let (_, port) = line.split_once("successfully on port ")?;
        Some(format!("http://127.0.0.1:{}", port.trim_end_matches('.')))
    })
}
