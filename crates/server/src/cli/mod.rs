//! The command line.

mod benchmark;
mod chat;
mod check;
mod check_assertion;
mod healthcheck;
pub mod import_file;
pub mod import_users;
mod migrate_sqlite;
mod output;
mod serve;
pub mod user_fields;
mod users;

use crate::config::{self, Sources, ValueSource};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use listenfd::ListenFd;
use output::CliResult;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;

/// Authentication server for an application that uses CometChat
#[derive(Parser)]
#[command(
    name = "cometchat-auth",
    version,
    after_help = "Flags take precedence over environment variables, and those over the file .env in the working directory."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (default)
    Serve,
    /// Manage users
    #[command(subcommand)]
    User(users::Command),
    /// Manage synchronization with CometChat
    #[command(subcommand)]
    Chat(chat::Command),
    /// Copy a SQLite database into the empty PostgreSQL database at DATABASE_URL; stop the server first
    MigrateSqlite(migrate_sqlite::Args),
    /// Validate the settings and test the database and the CometChat API key
    Check(check::Args),
    /// Measure password hashing on this machine and suggest parameters (12 s)
    Benchmark(benchmark::Args),
    /// Exit with status 0 if the server at LISTEN is ready
    Healthcheck,
}

/// Runs the command line of the process.
#[allow(clippy::disallowed_methods)] // the only place that reads the environment
pub fn main() -> ExitCode {
    // All files that the process creates are private to its user.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    // `.env` changes the environment, so it is read before other threads start and before clap reads the environment.
    let process_environment: BTreeSet<String> = environment().map(|(name, _)| name).collect();
    if let Err(message) = config::load_dotenv().and_then(|()| check_encoding()) {
        return fail(&message);
    }
    // The flags of the settings come from the settings table, the commands from the derive.
    let matches = Cli::command().args(config::flags()).get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let environment = environment().map(|(name, value)| {
        let is_from_process = process_environment.contains(&name);
        let source = if is_from_process { ValueSource::Environment } else { ValueSource::DotEnv };
        (name, value, source)
    });
    let sources = Sources::new(&matches, environment);
    match run(cli.command.unwrap_or(Command::Serve), sources) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Returns the environment variables that are valid UTF-8.
#[allow(clippy::disallowed_methods)]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Returns an error if a setting is not valid UTF-8, which would be ignored.
#[allow(clippy::disallowed_methods)]
fn check_encoding() -> Result<(), String> {
    let invalid = std::env::vars_os().filter(|(_, value)| value.to_str().is_none());
    let mut names = invalid.filter_map(|(name, _)| name.into_string().ok());
    let is_setting = |name: &String| {
        let stem = name.strip_suffix("_FILE").unwrap_or(name);
        config::settings().any(|setting| setting.name == stem)
    };
    match names.find(is_setting) {
        Some(name) => Err(format!("invalid configuration: {name}: write the value in UTF-8")),
        None => Ok(()),
    }
}

fn fail(message: &str) -> ExitCode {
    // Standard error may be closed; the exit status still reports the failure.
    let _ = writeln!(std::io::stderr(), "cometchat-auth: {message}");
    ExitCode::FAILURE
}

fn run(command: Command, mut sources: Sources) -> CliResult {
    // Changes the environment, which is unsafe once there are other threads.
    let mut sockets = ListenFd::from_env();
    // Half of the processors: the HTTP workers have runtimes of their own, and more threads cost wake-ups that find no
    // work.
    let threads = std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    sources.read_only = match &command {
        Command::Serve | Command::Healthcheck => false,
        Command::User(command) => !command.may_create_database(),
        Command::Chat(_) | Command::MigrateSqlite(_) | Command::Check(_) | Command::Benchmark(_) => true,
    };
    let result = match command {
        Command::Serve => runtime.block_on(serve::run(&sources, &mut sockets)),
        Command::User(command) => runtime.block_on(users::run(command, &sources)),
        Command::Chat(command) => runtime.block_on(chat::run(command, &sources)),
        Command::MigrateSqlite(args) => runtime.block_on(migrate_sqlite::run(&args, &sources)),
        Command::Check(args) => runtime.block_on(check::run(&args, &sources)),
        Command::Benchmark(args) => benchmark::run(&args, &sources),
        Command::Healthcheck => runtime.block_on(healthcheck::run(&sources)),
    };
    // Does not wait for blocking tasks, such as a pending DNS lookup.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        Cli::command().args(config::flags()).debug_assert();
    }

    #[test]
    fn setting_flags_are_accepted_around_the_subcommand() {
        for arguments in [
            ["cometchat-auth", "--listen", "[::1]:1", "serve"],
            ["cometchat-auth", "serve", "--listen", "[::1]:1"],
        ] {
            let matches = Cli::command().args(config::flags()).try_get_matches_from(arguments).unwrap();
            let sources = Sources::new(&matches, std::iter::empty());
            assert_eq!(
                (sources.get("LISTEN"), sources.source("LISTEN")),
                (Some("[::1]:1"), ValueSource::Flag)
            );
        }
    }
}
