//! `cometchat-auth healthcheck`: asks a running server whether it is ready, for container health checks and scripts.

use super::output::CliResult;
use crate::cometchat::client::http_client;
use crate::config::{Sources, settings};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

pub async fn run(sources: &Sources) -> CliResult {
    let default = settings().find(|setting| setting.name == "LISTEN").and_then(|setting| setting.default);
    let listen = sources.get("LISTEN").or(default).unwrap_or_default();
    let mut address: SocketAddr = listen.parse().map_err(|error| format!("LISTEN: {listen:?}: {error}"))?;
    // A server that listens on all addresses is asked on loopback.
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let url = format!("http://{address}{}", shared::routes::READYZ);
    let response = http_client(true)?.get(&url).timeout(TIMEOUT).send().await;
    let status = response.map_err(|error| format!("no response from {url}: {error}"))?.status();
    if !status.is_success() {
        return Err(format!("{url} responded with {status}").into());
    }
    writeln!(std::io::stdout(), "ready")?;
    Ok(())
}
