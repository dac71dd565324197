//! `cometchat-auth user …`

use super::Outcome;
use crate::accounts::{self, User};
use crate::chat::jobs::{self, Job};
use crate::chat::seal::Sealer;
use crate::clock::Clock;
use crate::config::{Sources, Store};
use crate::db::{Db, DbError};
use crate::passwords::{Hasher, Password};
use clap::{Arg, ArgAction, ArgMatches, Command};
use shared::{Fields, limits};
use std::io::{self, IsTerminal as _, Write as _};

pub fn command() -> Command {
    let add = Command::new("add")
        .about("Adds a user; the password is read from standard input")
        .arg(
            Arg::new("id")
                .long("id")
                .help("The user's id, here and at CometChat: 1 to 100 of a-z 0-9 - _ [default: a new UUID]"),
        )
        .arg(Arg::new("email").long("email").required(true).help("The address to sign in with"))
        .arg(
            Arg::new("name")
                .long("name")
                .required(true)
                .help("The name that others see, up to 100 characters"),
        )
        .arg(
            Arg::new("if-missing")
                .long("if-missing")
                .action(ArgAction::SetTrue)
                .help("Do nothing when this user is there already"),
        )
        .arg(
            Arg::new("allow-weak-password")
                .long("allow-weak-password")
                .action(ArgAction::SetTrue)
                .help("Take a password that is too short; for demonstrations"),
        );
    Command::new("user").about("Manages users").subcommand_required(true).subcommand(add)
}

pub async fn run(matches: &ArgMatches, sources: &Sources) -> Outcome {
    match matches.subcommand() {
        Some(("add", matches)) => add(matches, sources).await,
        // clap refuses every other word.
        _ => Ok(()),
    }
}

async fn add(matches: &ArgMatches, sources: &Sources) -> Outcome {
    let text = |name: &str| matches.get_one::<String>(name).map(|value| value.trim().to_owned());
    let user = User {
        id: text("id").unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
        email: text("email").unwrap_or_default(),
        name: text("name").unwrap_or_default(),
    };
    check(&user)?;
    let store = Store::read(sources)?;
    let db = Db::open(&store.database_url).await?;
    let there = accounts::find_by_email(&db, &user.email).await?;
    if matches.get_flag("if-missing") && there.is_some_and(|there| there.user.id == user.id) {
        writeln!(io::stdout(), "{} is there already", user.email)?;
        return Ok(());
    }

    let password = read_password()?;
    let min_chars = if matches.get_flag("allow-weak-password") { 1 } else { store.password_min_length };
    password.check(min_chars)?;
    let hash = Hasher::start(store.argon2, 1)?.hash(password).await?;

    let now = Clock::system().now();
    let name_sealed = Sealer::new(&store.secret_key.0).seal(&user.id, &user.name)?;
    let mut tx = db.begin().await?;
    accounts::insert(&mut tx, &user, &hash, now).await.map_err(|error| match error {
        DbError::Duplicate => "a user with this id or this email address is there already".into(),
        error => Box::<dyn std::error::Error>::from(error),
    })?;
    // A running server makes the user at CometChat; one that starts later does it then.
    jobs::enqueue(&mut tx, &Job::ensure_user(&user.id, &name_sealed), now).await?;
    tx.commit().await?;
    db.close().await;
    writeln!(io::stdout(), "added {} with id {}", user.email, user.id)?;
    Ok(())
}

fn check(user: &User) -> Outcome {
    if !limits::is_uid(&user.id) {
        return Err("--id: 1 to 100 of a-z 0-9 - _".into());
    }
    let mut faults = Fields::new();
    limits::check_email(&user.email, &mut faults);
    if let Some(fault) = faults.get("email") {
        return Err(format!("--email: {fault}").into());
    }
    let is_name = (1..=limits::NAME_MAX_CHARS).contains(&user.name.chars().count())
        && !user.name.chars().any(char::is_control);
    if !is_name {
        return Err(format!("--name: 1 to {} characters", limits::NAME_MAX_CHARS).into());
    }
    Ok(())
}

/// One line of standard input, or what is typed unseen at a terminal.
fn read_password() -> Result<Password, Box<dyn std::error::Error>> {
    let typed = if io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ")?
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(|error| format!("standard input: {error}"))?;
        line
    };
    let typed = zeroize::Zeroizing::new(typed);
    Ok(Password::new(typed.trim_end_matches(['\r', '\n'])))
}
