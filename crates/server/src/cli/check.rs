//! `cometchat-auth check`: validates the settings and tests the database, the secret key and the CometChat API key.
//! Creates and changes nothing.

use super::check_assertion;
use super::output::CliResult;
use crate::clock::Clock;
use crate::cometchat::budget::CallBudget;
use crate::cometchat::client::{Client, http_client};
use crate::cometchat::key_fingerprints;
use crate::config::{CometChat, Config, Setting, Sources, ValueSource, settings};
use crate::db::Db;
use std::io::{self, Write as _};
use url::Url;

#[derive(clap::Args)]
pub struct Args {
    /// Explain step by step whether the server would accept this assertion, without using it up; `-` reads it from
    /// standard input
    #[arg(long, value_name = "JWT")]
    assertion: Option<String>,
}

pub async fn run(args: &Args, sources: &Sources) -> CliResult {
    if let Some(assertion) = &args.assertion {
        return check_assertion::run(assertion, sources).await;
    }
    let mut out = io::stdout();
    for setting in settings() {
        let (value, source) = masked_value(setting, sources);
        writeln!(out, "{:<26} {value:<44} {source}", setting.name)?;
    }
    let config = Config::read(sources)?;
    writeln!(out)?;
    for warning in &config.warnings {
        writeln!(out, "settings   WARNING: {warning}")?;
    }

    let database = Db::describe(config.core.database_url.expose()).await;
    match &database {
        Ok(description) => writeln!(out, "database   ok: {description}")?,
        Err(error) => writeln!(out, "database   FAILED: {error}")?,
    }
    let mut key = Ok(());
    if database.is_ok()
        && let Ok(db) = Db::open_read_only(config.core.database_url.expose()).await
    {
        key = key_fingerprints::check(&db, &config.core.secret_key, &config.core.secret_key_fallbacks).await;
        db.close().await;
        match &key {
            Ok(()) => writeln!(out, "key        ok: matches the database")?,
            Err(error) => writeln!(out, "key        FAILED: {error}")?,
        }
    }
    let CometChat { endpoint, emulator, calls_per_minute, .. } = config.cometchat;
    let budget = CallBudget::new(calls_per_minute, Clock::system());
    let cometchat = Client::new(http_client(emulator.is_some())?, endpoint, budget).check_credentials().await;
    match &cometchat {
        Ok(()) => writeln!(out, "CometChat  ok: API key accepted")?,
        Err(error) => writeln!(out, "CometChat  FAILED: {error}")?,
    }
    if database.is_ok() && key.is_ok() && cometchat.is_ok() {
        Ok(())
    } else {
        Err("some checks failed, see above".into())
    }
}

/// Returns the value without secrets, and its source.
fn masked_value(setting: &Setting, sources: &Sources) -> (String, &'static str) {
    let file = format!("{}_FILE", setting.name);
    let (name, value) = match sources.get(&file).filter(|_| setting.may_be_in_file()) {
        Some(path) => (file.as_str(), Some(format!("[secret] in {path}"))),
        None => {
            let value = sources.get(setting.name).map(|value| match setting.name {
                _ if setting.is_secret() => "[secret]".to_owned(),
                "DATABASE_URL" => without_password(value),
                _ => value.to_owned(),
            });
            (setting.name, value)
        }
    };
    let source = match sources.source(name) {
        ValueSource::Flag => "flag",
        ValueSource::Environment => "environment",
        ValueSource::DotEnv => ".env",
        ValueSource::Default => "default",
    };
    let value = value.or(setting.default.map(str::to_owned));
    (value.unwrap_or_else(|| "-".to_owned()), source)
}

/// Returns a database URL without its password. A special character in a password can move a part of it to the path,
/// query or fragment, so a URL with an unusual one of these is masked as a whole.
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
