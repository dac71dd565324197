//! A program started for one test, ended with it however the test ends: by an answer, by a panic,
//! or by the test run being killed.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) struct Process {
    child: Child,
    /// The port from the line it printed when it was ready.
    pub port: u16,
}

impl Process {
    /// Starts `program`, its log going to `log`, and waits for the line on its standard output that
    /// ends in the port it listens on after `ready`.
    pub async fn start(
        program: &Path,
        configure: impl FnOnce(&mut Command),
        ready: &'static str,
        log: PathBuf,
    ) -> Result<Self> {
        let mut command = leashed(program);
        configure(&mut command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut process = Self { child, port: 0 };
        // Read on to the end: a program whose standard output nobody reads comes to a halt.
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
        match tokio::time::timeout(crate::PATIENCE, ported).await {
            Ok(Ok(port)) => process.port = port,
            Ok(Err(_)) => bail!(
                "{} ended before it was ready; its log:\n{}",
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

/// `setpriv --pdeathsig` has the kernel end the program when the thread that started it is gone, so a
/// killed test run leaves nothing behind: `Drop` is not reached then.
fn leashed(program: &Path) -> Command {
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
