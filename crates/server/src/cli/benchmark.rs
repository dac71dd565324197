//! `cometchat-auth calibrate`: what a sign-in costs on this machine, and which of OWASP's equal choices of
//! parameters it does best with.

use super::{CliResult, flag};
use crate::config::{CoreConfig, Sources};
use crate::passwords::{self, OWASP_MIN_PARAMS};
use clap::{ArgMatches, Command};
use std::io::{self, Write as _};
use std::time::Duration;

/// How long each choice is measured.
const TIME: Duration = Duration::from_secs(2);

pub fn command() -> Command {
    Command::new("calibrate")
        .about("Measures password hashing on this machine, and proposes parameters (12 s)")
        .arg(flag("in-use", "Only measure the parameters in use (2 s)"))
}

pub fn run(matches: &ArgMatches, mut sources: Sources) -> CliResult {
    sources.read_only = true;
    let store = CoreConfig::read(&sources)?;
    let (present, threads) = (&store.argon2, store.password_hash_threads);
    let mut out = io::stdout();
    writeln!(out, "With PASSWORD_HASH_THREADS={threads}, on an otherwise idle machine:\n")?;
    writeln!(out, "  ARGON2_MEMORY_KIB  ARGON2_ITERATIONS  hashes/s  one hash  memory in all")?;
    let only_present = matches.get_flag("in-use");
    let mut choices = if only_present { Vec::new() } else { OWASP_MIN_PARAMS.to_vec() };
    if !choices.contains(&(present.m_cost(), present.t_cost())) {
        choices.push((present.m_cost(), present.t_cost()));
    }
    let mut best = (0.0, OWASP_MIN_PARAMS[0]);
    for (memory, passes) in choices {
        let rate = passwords::benchmark::rate(&passwords::params(memory, passes)?, threads, TIME);
        let count = u32::try_from(threads).unwrap_or(u32::MAX);
        let millis = f64::from(count) * 1000.0 / rate;
        let all = f64::from(memory) * f64::from(count) / 1024.0;
        let mark = if (memory, passes) == (present.m_cost(), present.t_cost()) { "  <- in use" } else { "" };
        writeln!(out, "  {memory:>17}  {passes:>17}  {rate:>8.1}  {millis:>5.1} ms  {all:>7.0} MiB{mark}")?;
        if OWASP_MIN_PARAMS.contains(&(memory, passes)) && rate > best.0 {
            best = (rate, (memory, passes));
        }
    }
    if only_present {
        return Ok(());
    }
    let (memory, passes) = best.1;
    writeln!(out, "\nOWASP holds the listed choices for equally strong. The quickest here:")?;
    writeln!(out, "\n  ARGON2_MEMORY_KIB={memory}\n  ARGON2_ITERATIONS={passes}\n")?;
    writeln!(
        out,
        "More memory is harder on an attacker with special hardware; change it only for good reason."
    )?;
    Ok(())
}
