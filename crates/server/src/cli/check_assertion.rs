//! `cometchat-auth check --assertion`: explains step by step whether the server would accept an assertion. It does not use
//! up the assertion.

use super::output::CliResult;
use crate::auth::assertion::{self, CHECKS, Claims, Rejection, Signed};
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::crypto::sha256_hex;
use crate::db::{Db, OpenError};
use crate::users::{self, assertions};
use std::fmt::Display;
use std::io::{self, Write as _};

pub async fn run(argument: &str, sources: &Sources) -> CliResult {
    let assertion = match argument {
        "-" => io::read_to_string(io::stdin())?,
        assertion => assertion.to_owned(),
    };
    let config = Config::read(sources)?;
    let mut report = Report { out: io::stdout(), has_failed: false };
    explain(assertion.trim(), &config, &mut report).await?;
    if report.has_failed {
        return Err("the server would reject this assertion, see above".into());
    }
    writeln!(report.out, "The server would accept this assertion now.")?;
    Ok(())
}

async fn explain(assertion: &str, config: &Config, report: &mut Report) -> CliResult {
    let keys = &config.assertion_keys;
    if keys.is_empty() {
        return report.failed("key", "ASSERTION_KEY is not set, so that login by assertion is disabled");
    }
    let signed = match Signed::verify(keys, assertion) {
        Ok(signed) => signed,
        Err(rejection) => return report.failed("signature", rejection),
    };
    report.ok("signature", format_args!("key {} of {} in ASSERTION_KEY", signed.key + 1, keys.len()))?;
    let claims = match signed.claims() {
        Ok(claims) => claims,
        Err(rejection) => return report.failed("claims", rejection),
    };
    let now = Clock::system().now();
    for (name, check) in CHECKS {
        match check(&claims, now) {
            Ok(()) => report.ok(name, describe(name, &claims, now))?,
            Err(rejection) => report.failed(name, rejection)?,
        }
    }
    if shared::validation::is_uid(&claims.sub) {
        explain_user(&claims, config, report).await?;
    }
    Ok(())
}

fn describe(check: &str, claims: &Claims, now: i64) -> String {
    let seconds = |time: i64| time.saturating_sub(now);
    match check {
        "times" => match seconds(claims.iat) {
            ahead @ 1.. => format!("issued {ahead} s in the future, expires in {} s", seconds(claims.exp)),
            age => format!("issued {} s ago, expires in {} s", age.saturating_neg(), seconds(claims.exp)),
        },
        "subject" => claims.sub.clone(),
        "id" => format!("{:?}", claims.jti),
        "profile" => format!("{:?}, {:?}", claims.email, claims.name),
        _ => "for this server".to_owned(),
    }
}

/// Explains the state of the user and of the assertion in the database.
async fn explain_user(claims: &Claims, config: &Config, report: &mut Report) -> CliResult {
    let db = match Db::open_read_only(config.core.database_url.expose()).await {
        Ok(db) => db,
        Err(OpenError::Missing { .. }) => return report.ok("user", "the login creates it and the database"),
        Err(error) => return report.failed("database", error),
    };
    let user = users::find(&db, &claims.sub).await?;
    let owner = users::find_by_email(&db, &claims.email).await?;
    let mut tx = db.begin().await?;
    let refusal = assertions::find_refusal(&mut tx, &claims.sub, claims.iat).await?;
    let is_used = assertions::is_used(&mut tx, &sha256_hex(claims.jti.as_bytes())).await?;
    drop(tx);
    db.close().await;
    match refusal.map(|refusal| assertion::rejection_of(refusal, &claims.sub)) {
        Some(rejection) => report.failed("user", rejection)?,
        None if user.is_some() => report.ok("user", "exists, and may log in by assertion")?,
        None => report.ok("user", "does not exist, the login creates it")?,
    }
    match owner.filter(|owner| owner.user.id != claims.sub) {
        Some(owner) => report.failed("email", format_args!("is that of the user {}", owner.user.id))?,
        None => report.ok("email", "no other user has it")?,
    }
    if is_used { report.failed("use", Rejection::Used) } else { report.ok("use", "not used yet") }
}

struct Report {
    out: io::Stdout,
    has_failed: bool,
}

impl Report {
    fn ok(&mut self, step: &str, detail: impl Display) -> CliResult {
        Ok(writeln!(self.out, "{step:<10} ok: {detail}")?)
    }

    fn failed(&mut self, step: &str, cause: impl Display) -> CliResult {
        self.has_failed = true;
        Ok(writeln!(self.out, "{step:<10} FAILED: {cause}")?)
    }
}
