//! `cometchat-auth check`: whether a server would start with these settings, and what it would find. Changes
//! nothing, and makes nothing.

use super::CliResult;
use crate::clock::Clock;
use crate::cometchat::budget::CallBudget;
use crate::cometchat::client::Client;
use crate::cometchat::client::http_client;
use crate::cometchat::key_fingerprints;
use crate::config::{CometChat, Config, SETTINGS, Setting, Sources, ValueSource};
use crate::crypto::seal::SecretKey;
use crate::db::Db;
use clap::Command;
use std::io::{self, Write as _};
use url::Url;

pub fn command() -> Command {
    Command::new("check")
        .about("Prints every setting and what is wrong with it, and tries database and CometChat key")
}

pub async fn run(mut sources: Sources) -> CliResult {
    sources.read_only = true;
    let mut out = io::stdout();
    for setting in SETTINGS {
        let (value, origin) = shown(setting, &sources);
        writeln!(out, "{:<26} {value:<44} {origin}", setting.name)?;
    }
    let config = Config::read(&sources)?;
    writeln!(out)?;

    let database = Db::describe(config.core.database_url.expose()).await;
    match &database {
        Ok(found) => writeln!(out, "database   ok: {found}")?,
        Err(error) => writeln!(out, "database   FAILED: {error}")?,
    }
    let mut key = Ok(());
    if database.is_ok()
        && let Ok(db) = Db::open_read_only(config.core.database_url.expose()).await
    {
        let fallbacks: Vec<SecretKey> =
            config.core.secret_key_fallbacks.iter().map(|key| key.0.clone()).collect();
        key = key_fingerprints::check(&db, &config.core.secret_key.0, &fallbacks).await;
        db.close().await;
        match &key {
            Ok(()) => writeln!(out, "key        ok: it is the database's")?,
            Err(error) => writeln!(out, "key        FAILED: {error}")?,
        }
    }
    let CometChat { endpoint, emulator, calls_per_minute, .. } = config.cometchat;
    let budget = CallBudget::new(calls_per_minute, Clock::system());
    let cometchat = Client::new(http_client(emulator.is_some())?, endpoint, budget).check_credentials().await;
    match &cometchat {
        Ok(()) => writeln!(out, "CometChat  ok: it takes the key")?,
        Err(error) => writeln!(out, "CometChat  FAILED: {error}")?,
    }
    if database.is_ok() && key.is_ok() && cometchat.is_ok() {
        Ok(())
    } else {
        Err("something needs your attention: see above".into())
    }
}

/// The value as it may be seen, and where it comes from.
fn shown(setting: &Setting, sources: &Sources) -> (String, String) {
    let file = format!("{}_FILE", setting.name);
    let (name, value) = match sources.get(&file).filter(|_| setting.in_file) {
        Some(path) => (file.as_str(), Some(format!("[secret] in {path}"))),
        None if setting.secret => (setting.name, sources.get(setting.name).map(|_| "[secret]".to_owned())),
        None if setting.name == "DATABASE_URL" => {
            (setting.name, sources.get(setting.name).map(without_password))
        }
        None => (setting.name, sources.get(setting.name).map(str::to_owned)),
    };
    let origin = match sources.origin(name) {
        ValueSource::Flag => "flag",
        ValueSource::Environment => "environment",
        ValueSource::DotEnv => ".env",
        ValueSource::Default => "default",
    };
    let value = value.or(setting.default.map(str::to_owned));
    (value.unwrap_or_else(|| "-".to_owned()), origin.to_owned())
}

/// A database's URL without the password in it. Of one that may be taken apart in another way than was meant nothing is
/// shown: a sign in the password may be why.
fn without_password(value: &str) -> String {
    if value.starts_with("sqlite:") {
        return value.to_owned();
    }
    let Ok(mut url) = Url::parse(value) else { return "[secret]".to_owned() };
    let rest = [url.path(), url.query().unwrap_or_default(), url.fragment().unwrap_or_default()].concat();
    if rest.contains('@') || rest.contains("password") {
        return "[secret]".to_owned();
    }
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "[secret]".to_owned();
    }
    url.into()
}
