//! `cometchat-auth user …`: user management for operators. The commands work beside a running server, which
//! synchronizes the changes to CometChat.

use super::import_users;
use super::output::{CliResult, date};
use super::user_fields;
use crate::clock::Clock;
use crate::config::{CoreConfig, Sources};
use crate::db::{Db, DbError};
use crate::passwords::{self, Hasher, Password};
use crate::users::assertions;
use crate::users::{self, Credentials, User, UserError, email};
use crate::{sessions, throttle};
use clap::{Args, Subcommand};
use shared::FieldErrors;
use shared::visible_text::{has_hidden, without_hidden};
use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

#[derive(Subcommand)]
pub enum Command {
    /// Add a user; reads the password from standard input
    Add(AddArgs),
    /// List all users: id, email address and name, separated by tabs
    List,
    /// Show a user with their sessions
    Show(UserArg),
    /// Change the name of a user, also at CometChat
    Rename {
        #[command(flatten)]
        user: UserArg,
        /// Display name, up to 100 characters
        name: String,
    },
    /// Set a new password, read from standard input, and end all sessions of the user
    SetPassword {
        #[command(flatten)]
        user: UserArg,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Unlock an account that is locked by failed logins
    Unlock(UserArg),
    /// End all sessions of a user and revoke their chat tokens
    EndSessions(UserArg),
    /// Allow assertion login for users who have a password
    Link(UserArgs),
    /// Disallow assertion login, so that these users need their password
    Unlink(UserArgs),
    /// Delete a user permanently, also at CometChat
    Delete {
        #[command(flatten)]
        user: UserArg,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
    },
    /// Import users from a file, all or none
    Import(import_users::Args),
}

#[derive(Args)]
pub struct AddArgs {
    /// User id, here and at CometChat: 1 to 100 characters of a-z 0-9 - _ [default: a random UUID]
    #[arg(long)]
    id: Option<String>,
    /// Email address for login
    #[arg(long)]
    email: String,
    /// Display name, up to 100 characters
    #[arg(long)]
    name: String,
    /// Succeed without a change if the user exists
    #[arg(long)]
    if_missing: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Args)]
pub struct PasswordArgs {
    /// Accept a password that is short or easy to guess, for demonstrations
    #[arg(long)]
    allow_weak_password: bool,
}

#[derive(Args)]
pub struct UserArg {
    /// User id or email address
    user: String,
}

#[derive(Args)]
pub struct UserArgs {
    /// User ids or email addresses
    #[arg(required = true)]
    users: Vec<String>,
}

impl Command {
    /// Returns whether the command is useful before the first start of the server. All others need existing users.
    pub fn may_create_database(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Import(_))
    }
}

pub async fn run(command: Command, sources: &Sources) -> CliResult {
    let core = CoreConfig::read(sources)?;
    let url = core.database_url.expose();
    let db = if sources.read_only { Db::open_existing(url).await? } else { Db::open(url).await? };
    let result = execute(command, core, &db).await;
    db.close().await;
    result
}

async fn execute(command: Command, core: CoreConfig, db: &Db) -> CliResult {
    match command {
        Command::Add(args) => add(args, &core, db).await,
        Command::List => list(db).await,
        Command::Show(arg) => show(&find(db, &arg.user).await?, db).await,
        Command::Rename { user, name } => rename(&find(db, &user.user).await?.user, &name, db).await,
        Command::SetPassword { user, password } => {
            set_password(&find(db, &user.user).await?.user, &password, &core, db).await
        }
        Command::Unlock(arg) => unlock(&find(db, &arg.user).await?.user, db).await,
        Command::EndSessions(arg) => end_sessions(&find(db, &arg.user).await?.user, db).await,
        Command::Link(args) => set_linked(true, &args.users, db).await,
        Command::Unlink(args) => set_linked(false, &args.users, db).await,
        Command::Delete { user, yes } => delete(&find(db, &user.user).await?.user, yes, db).await,
        Command::Import(args) => import_users::run(&args, db).await,
    }
}

/// Returns the user with this id or email address.
async fn find(db: &Db, id_or_email: &str) -> Result<Credentials, Box<dyn Error>> {
    let id_or_email = id_or_email.trim();
    let email = match users::find(db, id_or_email).await? {
        Some(user) => user.email,
        None => id_or_email.to_owned(),
    };
    let credentials = users::find_by_email(db, &email).await?;
    credentials.ok_or_else(|| {
        if has_hidden(id_or_email) {
            let shown = without_hidden(id_or_email);
            return format!("no user {shown}: it was typed with invisible characters; type it without them")
                .into();
        }
        format!("no user with the id or email address {id_or_email}").into()
    })
}

/// Prints lines without control characters: rows that are older than the present validation can hold characters that
/// reorder or overwrite the terminal's line.
fn print_lines(text: std::fmt::Arguments<'_>) -> CliResult {
    for line in text.to_string().lines() {
        writeln!(io::stdout(), "{}", without_hidden(line))?;
    }
    Ok(())
}

async fn add(args: AddArgs, core: &CoreConfig, db: &Db) -> CliResult {
    let id = args.id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    let user = User {
        id: id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
        email: email::to_shown_form(args.email.trim()),
        name: args.name.trim().to_owned(),
    };
    if let Some(error) = user_fields::check(&user).into_iter().next() {
        return Err(format!("--{error}").into());
    }
    let existing = users::find_by_email(db, &user.email).await?;
    if args.if_missing && existing.is_some_and(|existing| existing.user.id == user.id) {
        return print_lines(format_args!("{} already exists", user.email));
    }
    let hash = read_and_hash_password(&user, &args.password, core).await?;
    let mut tx = db.begin().await?;
    let message = format!("added {} with id {}", user.email, user.id);
    users::insert_many(&mut tx, &[(user, Some(hash))], Clock::system().now()).await.map_err(|error| {
        match error {
            UserError::Db(DbError::Duplicate) => "a user with this id or email address already exists".into(),
            error @ UserError::BeingDeleted(_) => {
                format!("{error}; retry when `cometchat-auth chat jobs` no longer lists the deletion").into()
            }
            error => Box::<dyn Error>::from(error),
        }
    })?;
    tx.commit().await?;
    print_lines(format_args!("{message}"))
}

async fn list(db: &Db) -> CliResult {
    let mut out = io::stdout().lock();
    let mut last = String::new();
    loop {
        let page = users::list_after(db, &last, 1000).await?;
        let Some(user) = page.last() else { return Ok(()) };
        last.clone_from(&user.id);
        for user in &page {
            writeln!(out, "{}\t{}\t{}", user.id, without_hidden(&user.email), without_hidden(&user.name))?;
        }
    }
}

async fn show(credentials: &Credentials, db: &Db) -> CliResult {
    let now = Clock::system().now();
    let user = &credentials.user;
    let password = credentials.password_hash.as_deref().map_or("none".to_owned(), |hash| {
        passwords::scheme(hash).unwrap_or_else(|| "unknown hash format".to_owned())
    });
    let locked =
        if throttle::is_locked(db, &user.email, now).await? { "yes (see `user unlock`)" } else { "no" };
    let linked =
        if assertions::is_linked(db, &user.id).await? { "allowed" } else { "disallowed (see `user link`)" };
    print_lines(format_args!(
        "id        {}\nemail     {}\nname      {}\npassword  {password}\nlocked    {locked}\nassertion {linked}",
        user.id, user.email, user.name
    ))?;
    for session in sessions::list(db, &user.id, now).await? {
        let (created, last_seen) = (date(session.created_at), date(session.last_seen_at));
        print_lines(format_args!(
            "session   created {created}, last seen {last_seen}, {}, {}",
            session.address, session.user_agent
        ))?;
    }
    Ok(())
}

async fn rename(user: &User, name: &str, db: &Db) -> CliResult {
    let name = name.trim();
    let mut errors = FieldErrors::new();
    user_fields::check_name(name, &mut errors);
    if let Some(error) = errors.into_values().next() {
        return Err(error.into());
    }
    let mut tx = db.begin().await?;
    users::rename(&mut tx, &user.id, name, Clock::system().now()).await?;
    tx.commit().await?;
    print_lines(format_args!("renamed {} to {name}", user.id))
}

async fn set_password(user: &User, args: &PasswordArgs, core: &CoreConfig, db: &Db) -> CliResult {
    let hash = read_and_hash_password(user, args, core).await?;
    let now = Clock::system().now();
    let excess = sessions::end_excess(db, &user.id, None, now).await?;
    throttle::clear_excess(db, &user.email).await?;
    let mut tx = db.begin().await?;
    users::update_password(&mut tx, &user.id, &hash, now).await?;
    users::hash_kinds::add(&mut tx, [hash.as_str()].into_iter()).await?;
    let ended = excess + sessions::end_others(&mut tx, &user.id, None, now).await?;
    // Failed attempts on the old password do not count for the new one. The new password version also revokes the
    // device cookies that bypass a lockout.
    throttle::unlock(&mut tx, &user.email, now).await?;
    tx.commit().await?;
    print_lines(format_args!("changed the password of {}; {ended} sessions ended", user.email))
}

async fn unlock(user: &User, db: &Db) -> CliResult {
    throttle::clear_excess(db, &user.email).await?;
    let mut tx = db.begin().await?;
    let was_locked = throttle::unlock(&mut tx, &user.email, Clock::system().now()).await?;
    tx.commit().await?;
    let state = if was_locked { "unlocked" } else { "was not locked" };
    print_lines(format_args!("{} {state}; failed login attempts reset", user.email))
}

async fn end_sessions(user: &User, db: &Db) -> CliResult {
    let now = Clock::system().now();
    let excess = sessions::end_excess(db, &user.id, None, now).await?;
    let mut tx = db.begin().await?;
    users::lock_for_update(&mut tx, &user.id).await?;
    let ended = excess + sessions::end_others(&mut tx, &user.id, None, now).await?;
    tx.commit().await?;
    print_lines(format_args!("ended {ended} sessions of {}", user.email))
}

/// Changes all of the users, or none if one of them does not exist.
async fn set_linked(is_linked: bool, ids_or_emails: &[String], db: &Db) -> CliResult {
    let mut users = Vec::new();
    for id_or_email in ids_or_emails {
        let Credentials { user, password_hash, .. } = find(db, id_or_email).await?;
        if !is_linked && password_hash.is_none() {
            return Err(format!("{} has no password and would not be able to log in", user.id).into());
        }
        users.push(user);
    }
    let mut tx = db.begin().await?;
    for user in &users {
        assertions::set_linked(&mut tx, &user.id, is_linked).await?;
    }
    tx.commit().await?;
    let state = if is_linked { "allowed" } else { "disallowed" };
    for user in users {
        print_lines(format_args!("assertion login {state} for {} ({})", user.email, user.id))?;
    }
    Ok(())
}

async fn delete(user: &User, is_confirmed: bool, db: &Db) -> CliResult {
    if !is_confirmed {
        if !io::stdin().is_terminal() {
            return Err("standard input is not a terminal: confirm the deletion with --yes".into());
        }
        let email = without_hidden(&user.email);
        write!(io::stderr(), "Permanently delete {email} ({}) here and at CometChat? [y/N] ", user.id)?;
        let mut reply = String::new();
        io::stdin().read_line(&mut reply)?;
        if !matches!(reply.trim(), "y" | "Y" | "yes") {
            return Err("cancelled".into());
        }
    }
    let now = Clock::system().now();
    let excess = sessions::end_excess(db, &user.id, None, now).await?;
    throttle::clear_excess(db, &user.email).await?;
    let mut tx = db.begin().await?;
    users::lock_for_update(&mut tx, &user.id).await?;
    let ended = excess + sessions::end_others(&mut tx, &user.id, None, now).await?;
    throttle::unlock(&mut tx, &user.email, now).await?;
    users::delete(&mut tx, &user.id, now).await?;
    tx.commit().await?;
    print_lines(format_args!("deleted {} ({}); {ended} sessions ended", user.email, user.id))
}

/// Reads a password, checks it against the policy, and returns its hash.
async fn read_and_hash_password(
    user: &User,
    args: &PasswordArgs,
    core: &CoreConfig,
) -> Result<String, Box<dyn Error>> {
    let password = read_password()?;
    if args.allow_weak_password {
        password.check_length(1)?;
    } else {
        password.check(core.password_min_length, &[&user.email, &user.name])?;
    }
    Ok(Hasher::start(core.argon2.clone(), core.argon2_backend, 1)?.hash(password).await?)
}

/// Reads one line of standard input, with a prompt and without echo if that is a terminal.
fn read_password() -> Result<Password, Box<dyn Error>> {
    let line = if io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ")?
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(|error| format!("standard input: {error}"))?;
        line
    };
    let line = zeroize::Zeroizing::new(line);
    Ok(Password::new(line.trim_end_matches(['\r', '\n'])))
}
