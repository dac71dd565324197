//! `cometchat-auth check`: whether a server would start with these settings, and what it would find. Changes
//! nothing, and makes nothing.

use super::Outcome;
use crate::app::http_client;
use crate::chat::client::Client;
use crate::config::{Config, Origin, SETTINGS, Setting, Sources};
use crate::db::Db;
use clap::Command;
use std::io::{self, Write as _};
use url::Url;

pub fn command() -> Command {
    Command::new("check")
        .about("Prints every setting and what is wrong with it, and tries database and CometChat key")
}

pub async fn run(mut sources: Sources) -> Outcome {
    sources.only_looks = true;
    let mut out = io::stdout();
    for setting in SETTINGS {
        let (value, origin) = shown(setting, &sources);
        writeln!(out, "{:<26} {value:<44} {origin}", setting.name)?;
    }
    let config = Config::read(&sources)?;
    writeln!(out)?;

    let database = Db::look(config.store.database_url.expose()).await;
    match &database {
        Ok(found) => writeln!(out, "database   ok: {found}")?,
        Err(error) => writeln!(out, "database   FAILED: {error}")?,
    }
    let cometchat = Client::new(http_client(config.cometchat.emulator.is_some())?, config.cometchat.endpoint)
        .try_key()
        .await;
    match &cometchat {
        Ok(()) => writeln!(out, "CometChat  ok: it takes the key")?,
        Err(error) => writeln!(out, "CometChat  FAILED: {error}")?,
    }
    if database.is_ok() && cometchat.is_ok() {
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
        None => (setting.name, sources.get(setting.name).map(without_password)),
    };
    let origin = match sources.origin(name) {
        Origin::Flag => "flag",
        Origin::Environment => "environment",
        Origin::DotEnv => ".env",
        Origin::Default => "default",
    };
    let value = value.or(setting.default.map(str::to_owned));
    (value.unwrap_or_else(|| "-".to_owned()), origin.to_owned())
}

/// A URL without the password in it; anything else as it is. Of a database's URL that is none nothing is shown: what is
/// wrong with it may be a sign in its password.
fn without_password(value: &str) -> String {
    let Ok(mut url) = Url::parse(value) else {
        return if value.starts_with("postgres") { "[secret]".to_owned() } else { value.to_owned() };
    };
    let is_asked_for = url.query_pairs().any(|(name, _)| name == "password");
    if is_asked_for {
        url.set_query(Some("***"));
    }
    if is_asked_for || (url.password().is_some() && url.set_password(Some("***")).is_ok()) {
        url.into()
    } else {
        value.to_owned()
    }
}
