//! `cometchat-auth benchmark`: measures the cost of a password hash, and suggests one of the parameter sets that OWASP
//! considers equivalent.

use super::output::CliResult;
use crate::config::{CoreConfig, Sources};
use crate::passwords::{self, OWASP_MIN_PARAMS};
use std::io::{self, Write as _};
use std::time::Duration;

/// Time for which each parameter set is measured.
const MEASURE_TIME: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub struct Args {
    /// Only measure the current parameters (2 s)
    #[arg(long)]
    current: bool,
}

pub fn run(args: &Args, sources: &Sources) -> CliResult {
    let core = CoreConfig::read(sources)?;
    let (current, threads) = ((core.argon2.m_cost(), core.argon2.t_cost()), core.password_hash_threads);
    let mut out = io::stdout();
    let backend = core.argon2_backend.name();
    writeln!(out, "Password hashing with PASSWORD_HASH_THREADS={threads} ARGON2_BACKEND={backend}:\n")?;
    writeln!(out, "  ARGON2_MEMORY_KIB  ARGON2_ITERATIONS  hashes/s  time/hash  total memory")?;
    let mut candidates = if args.current { Vec::new() } else { OWASP_MIN_PARAMS.to_vec() };
    if !candidates.contains(&current) {
        candidates.push(current);
    }
    let mut best = (0.0, OWASP_MIN_PARAMS[0]);
    for (memory, passes) in candidates {
        let rate = passwords::benchmark::rate(
            &passwords::params(memory, passes)?,
            core.argon2_backend,
            threads,
            MEASURE_TIME,
        );
        let count = u32::try_from(threads).unwrap_or(u32::MAX);
        let millis = f64::from(count) * 1000.0 / rate;
        let total_mib = f64::from(memory) * f64::from(count) / 1024.0;
        let mark = if (memory, passes) == current { "  <- current" } else { "" };
        writeln!(
            out,
            "  {memory:>17}  {passes:>17}  {rate:>8.1}  {millis:>6.1} ms  {total_mib:>8.0} MiB{mark}"
        )?;
        if OWASP_MIN_PARAMS.contains(&(memory, passes)) && rate > best.0 {
            best = (rate, (memory, passes));
        }
    }
    if args.current {
        return Ok(());
    }
    let (memory, passes) = best.1;
    writeln!(out, "\nOWASP considers the listed parameters equally strong. Fastest on this machine:")?;
    writeln!(out, "\n  ARGON2_MEMORY_KIB={memory}\n  ARGON2_ITERATIONS={passes}\n")?;
    writeln!(
        out,
        "More memory resists attackers with specialized hardware better, so prefer it at equal speed."
    )?;
    Ok(())
}
