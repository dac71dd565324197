//! A process that ends with its test, even if the test panics or the test run is killed.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) struct Process {
    child: Child,
    /// The port that the process listens on.
    pub port: u16,
}

impl Process {
    /// Starts `program`, with its standard error in the file `log`, and waits for the line on its standard
    /// output that has the port after `ready`.
    pub async fn start(
        program: &Path,
        configure: impl FnOnce(&mut Command),
        ready: &'static str,
        log: PathBuf,
    ) -> Result<Self> {
        let mut command = with_pdeathsig(program);
        configure(&mut command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut process = Self { child, port: 0 };
        // Reads to the end, because a process blocks when the pipe of its standard output is full.
        let (port, ported) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut port = Some(port);
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(found) = port_in(&line, ready)
                    && let Some(port) = port.take()
                {
                    let _ = port.send(found);
                }
            }
        });
        match tokio::time::timeout(crate::TIMEOUT, ported).await {
            Ok(Ok(port)) => process.port = port,
            Ok(Err(_)) => bail!(
                "{} exited before it was ready; its log:\n{}",
                program.display(),
                std::fs::read_to_string(&log).unwrap_or_default()
            ),
            Err(_) => bail!("{} was not ready in time", program.display()),
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has the kernel end the process with the thread that started it: a killed test run never reaches `Drop`.
fn with_pdeathsig(program: &Path) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn port_in(line: &str, ready: &str) -> Option<u16> {
    let rest = line.split_once(ready)?.1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
