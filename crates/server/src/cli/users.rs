//! `cometchat-auth user …`: an operator's hand on the accounts. Works beside a running server, which carries
//! out at CometChat what is written here.

use super::{CliResult, date, flag, import_users};
use crate::clock::Clock;
use crate::config::{CoreConfig, Sources};
use crate::db::{Db, DbError};
use crate::passwords::{self, Hasher, Password};
use crate::users::assertions;
use crate::users::{self, Credentials, User, UserError};
use crate::{sessions, throttle};
use clap::{Arg, ArgMatches, Command};
use shared::visible_text::without_hidden;
use shared::{FieldErrors, validation};
use std::io::{self, IsTerminal as _, Write as _};

pub fn command() -> Command {
    let weak = || {
        flag("allow-weak-password", "Take a password that is too short or easy to guess; for demonstrations")
    };
    let user = || Arg::new("user").required(true).value_name("USER").help("The user's id or email address");
    let users = || user().num_args(1..).help("The ids or email addresses of users");
    let option = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
    Command::new("user")
        .about("Manages users")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            Command::new("add").about("Adds a user; the password is read from standard input").args([
                option(
                    "id",
                    "The user's id, here and at CometChat: 1 to 100 of a-z 0-9 - _ [default: a new UUID]",
                ),
                option("email", "The address to sign in with").required(true),
                option("name", "The name that others see, up to 100 characters").required(true),
                flag("if-missing", "Do nothing when this user is there already"),
                weak(),
            ]),
            Command::new("list").about("Prints id, email address and name of every user, separated by tabs"),
            Command::new("show")
                .about("Prints what is known of a user, and where they are signed in")
                .arg(user()),
            Command::new("rename").about("Gives a user another name, at CometChat too").args([
                user(),
                Arg::new("name").required(true).value_name("NAME").help("The name that others see"),
            ]),
            Command::new("set-password")
                .about("Gives a user another password, read from standard input, and ends all their sessions")
                .args([user(), weak()]),
            Command::new("unlock")
                .about("Lets a user sign in again who was shut out by failed attempts")
                .arg(user()),
            Command::new("end-sessions")
                .about("Ends all sessions of a user, and their chat tokens")
                .arg(user()),
            Command::new("link")
                .about("Lets assertions of your app's server sign in users who have a password here")
                .arg(users()),
            Command::new("unlink")
                .about("Refuses assertions for these users: they sign in with their password alone")
                .arg(users()),
            Command::new("delete")
                .about("Deletes a user for good, at CometChat too")
                .args([user(), flag("yes", "Do not ask")]),
            import_users::command(),
        ])
}

/// Whether this can come before the server's first start. Every other command has to do with users who are there.
pub fn may_create_database(matches: &ArgMatches) -> bool {
    matches!(matches.subcommand_name(), Some("add" | "import"))
}

pub async fn run(matches: &ArgMatches, sources: &Sources) -> CliResult {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let store = CoreConfig::read(sources)?;
    let url = store.database_url.expose();
    let db = if sources.read_only { Db::open_existing(url).await? } else { Db::open(url).await? };
    let done = match name {
        "add" => add(matches, &store, &db).await,
        "list" => list(&db).await,
        "show" => show(&find(&db, matches).await?, &db).await,
        "rename" => rename(&find(&db, matches).await?.user, matches, &db).await,
        "set-password" => set_password(&find(&db, matches).await?.user, matches, store, &db).await,
        "unlock" => unlock(&find(&db, matches).await?.user, &db).await,
        "end-sessions" => end_sessions(&find(&db, matches).await?.user, &db).await,
        "link" => set_linked(true, matches, &db).await,
        "unlink" => set_linked(false, matches, &db).await,
        "delete" => delete(&find(&db, matches).await?.user, matches, &db).await,
        // clap refuses every other word.
        _ => import_users::run(matches, &db).await,
    };
    db.close().await;
    done
}

async fn find(db: &Db, matches: &ArgMatches) -> Result<Credentials, Box<dyn std::error::Error>> {
    find_typed(db, &text(matches, "user")).await
}

async fn find_typed(db: &Db, typed: &str) -> Result<Credentials, Box<dyn std::error::Error>> {
    let email = match users::find(db, typed).await? {
        Some(user) => user.email,
        None => typed.to_owned(),
    };
    let found = users::find_by_email(db, &email).await?;
    found.ok_or_else(|| format!("there is no user with the id or email address {typed}").into())
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).map(|value| value.trim().to_owned()).unwrap_or_default()
}

/// Prints lines, which may have a user's own words in them: rows from before the present validation can
/// hold characters that reorder the terminal's line.
fn print_line(words: std::fmt::Arguments<'_>) -> CliResult {
    for line in words.to_string().lines() {
        writeln!(io::stdout(), "{}", without_hidden(line))?;
    }
    Ok(())
}

async fn add(matches: &ArgMatches, store: &CoreConfig, db: &Db) -> CliResult {
    let id = match text(matches, "id") {
        id if id.is_empty() => uuid::Uuid::new_v4().to_string(),
        id => id,
    };
    let user = User { id, email: text(matches, "email"), name: text(matches, "name") };
    if let Some(fault) = validate(&user).into_iter().next() {
        return Err(format!("--{fault}").into());
    }
    let there = users::find_by_email(db, &user.email).await?;
    if matches.get_flag("if-missing") && there.is_some_and(|there| there.user.id == user.id) {
        return print_line(format_args!("{} is there already", user.email));
    }
    let hash = new_hash(&user, matches, store).await?;
    let mut tx = db.begin().await?;
    let done = format!("added {} with id {}", user.email, user.id);
    users::insert_many(&mut tx, &[(user, Some(hash))], Clock::system().now()).await.map_err(|error| {
        match error {
            UserError::Db(DbError::Duplicate) => {
                "a user with this id or this email address is there already".into()
            }
            error @ UserError::BeingDeleted(_) => {
                format!("{error}: try again when `cometchat-auth chat jobs` does not list it any more").into()
            }
            error => Box::<dyn std::error::Error>::from(error),
        }
    })?;
    tx.commit().await?;
    print_line(format_args!("{done}"))
}

/// What is wrong with a user that an operator brings, each with the name of its field.
pub(crate) fn validate(user: &User) -> Vec<String> {
    let mut faults = FieldErrors::new();
    validation::check_email(&user.email, &mut faults);
    validation::check_name(&user.name, &mut faults);
    if !validation::is_uid(&user.id) {
        faults.insert("id".into(), "1 to 100 of a-z 0-9 - _".into());
    }
    faults.into_iter().map(|(field, fault)| format!("{field}: {fault}")).collect()
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

async fn show(found: &Credentials, db: &Db) -> CliResult {
    let now = Clock::system().now();
    let user = &found.user;
    let password = found.password_hash.as_deref().map_or("none".to_owned(), |hash| {
        passwords::scheme(hash).unwrap_or_else(|| "a hash that cannot be read".to_owned())
    });
    let locked =
        if throttle::is_locked(db, &user.email, now).await? { "yes: see `user unlock`" } else { "no" };
    let linked =
        if assertions::is_linked(db, &user.id).await? { "accepted" } else { "refused: see `user link`" };
    print_line(format_args!(
        "id        {}\nemail     {}\nname      {}\npassword  {password}\nlocked    {locked}\nassertion {linked}",
        user.id, user.email, user.name
    ))?;
    for session in sessions::list(db, &user.id, now).await? {
        let (since, seen) = (date(session.created_at), date(session.last_seen_at));
        print_line(format_args!(
            "session   since {since}, seen {seen}, {}, {}",
            session.address, session.user_agent
        ))?;
    }
    Ok(())
}

async fn rename(user: &User, matches: &ArgMatches, db: &Db) -> CliResult {
    let renamed = User { name: text(matches, "name"), ..user.clone() };
    if let Some(fault) = validate(&renamed).into_iter().next() {
        return Err(fault.into());
    }
    let mut tx = db.begin().await?;
    users::rename(&mut tx, &user.id, &renamed.name, Clock::system().now()).await?;
    tx.commit().await?;
    print_line(format_args!("renamed {} to {}", user.id, renamed.name))
}

async fn set_password(user: &User, matches: &ArgMatches, store: CoreConfig, db: &Db) -> CliResult {
    let hash = new_hash(user, matches, &store).await?;
    let now = Clock::system().now();
    let excess = sessions::end_excess(db, &user.id, None, now).await?;
    throttle::clear_excess(db, &user.email).await?;
    let mut tx = db.begin().await?;
    users::update_password(&mut tx, &user.id, &hash, now).await?;
    users::hash_kinds::add(&mut tx, [hash.as_str()].into_iter()).await?;
    let ended = excess + sessions::end_others(&mut tx, &user.id, None, now).await?;
    // What was tried says nothing of the new one; and the browsers that a shut account was still open for are known
    // no more.
    throttle::unlock(&mut tx, &user.email, now).await?;
    tx.commit().await?;
    print_line(format_args!("{} has another password; {ended} sessions ended", user.email))
}

async fn unlock(user: &User, db: &Db) -> CliResult {
    throttle::clear_excess(db, &user.email).await?;
    let mut tx = db.begin().await?;
    let was_shut = throttle::unlock(&mut tx, &user.email, Clock::system().now()).await?;
    tx.commit().await?;
    let before = if was_shut { "was shut" } else { "was not shut" };
    print_line(format_args!("{} {before}; every failed attempt on it is forgotten", user.email))
}

async fn end_sessions(user: &User, db: &Db) -> CliResult {
    let now = Clock::system().now();
    let excess = sessions::end_excess(db, &user.id, None, now).await?;
    let mut tx = db.begin().await?;
    users::lock_for_update(&mut tx, &user.id).await?;
    let ended = excess + sessions::end_others(&mut tx, &user.id, None, now).await?;
    tx.commit().await?;
    print_line(format_args!("{ended} sessions of {} ended", user.email))
}

/// All of them or none.
async fn set_linked(is_linked: bool, matches: &ArgMatches, db: &Db) -> CliResult {
    let mut users = Vec::new();
    for typed in matches.get_many::<String>("user").into_iter().flatten() {
        let Credentials { user, password_hash, .. } = find_typed(db, typed.trim()).await?;
        if !is_linked && password_hash.is_none() {
            return Err(format!("{} has no password, and could not sign in any more", user.id).into());
        }
        users.push(user);
    }
    let mut tx = db.begin().await?;
    for user in &users {
        assertions::set_linked(&mut tx, &user.id, is_linked).await?;
    }
    tx.commit().await?;
    let now = if is_linked { "can sign in" } else { "can no longer sign in" };
    for user in users {
        print_line(format_args!("{} ({}) {now} by assertion", user.email, user.id))?;
    }
    Ok(())
}

async fn delete(user: &User, matches: &ArgMatches, db: &Db) -> CliResult {
    if !matches.get_flag("yes") {
        if !io::stdin().is_terminal() {
            return Err("this cannot be undone: say --yes".into());
        }
        let email = without_hidden(&user.email);
        write!(io::stderr(), "Delete {email} ({}) here and at CometChat, for good? [y/N] ", user.id)?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Err("nothing was deleted".into());
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
    print_line(format_args!("deleted {} ({}); {ended} sessions ended", user.email, user.id))
}

/// The hash of a password that is read, if it may be one.
async fn new_hash(
    user: &User,
    matches: &ArgMatches,
    store: &CoreConfig,
) -> Result<String, Box<dyn std::error::Error>> {
    let password = read_password()?;
    if matches.get_flag("allow-weak-password") {
        password.check_length(1)?;
    } else {
        password.check(store.password_min_length, &[&user.email, &user.name])?;
    }
    Ok(Hasher::start(store.argon2.clone(), 1)?.hash(password).await?)
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
