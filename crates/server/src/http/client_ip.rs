//! The client's IP address: that of the TCP peer, or the one that a trusted proxy reports.

use crate::clock::Clock;
use crate::telemetry::warning_limit::WarningLimit;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// Bytes of an invalid entry in the log.
const MAX_LOGGED_BYTES: usize = 100;

/// The proxies whose `X-Forwarded-For` header is trusted. An address in a private network is not trusted by
/// default.
pub struct Proxies {
    networks: Vec<IpNet>,
    warnings: WarningLimit,
}

impl Proxies {
    pub fn new(networks: Vec<IpNet>, clock: Clock) -> Self {
        Self { networks, warnings: WarningLimit::new(clock) }
    }

    /// Returns the address of a request's client: the first entry of `X-Forwarded-For` from the right that is
    /// not a trusted proxy. The nearest proxy appends on the right; the client can forge everything to the left
    /// of its own address.
    pub fn client_of(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into()).to_canonical();
        // Split as bytes, so that an entry of invalid UTF-8 does not discard those that a proxy appended.
        let lines: Vec<_> = headers.get_all("x-forwarded-for").map(|line| line.as_bytes()).collect();
        let entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        // Recipients ignore empty elements of a list (RFC 9110, 5.6.1).
        for entry in entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()) {
            if !self.trusts(client) {
                break;
            }
            // An entry that is not an address ends the chain, because nothing to its left can be trusted.
            let Some(next) = parse(entry) else {
                self.warn_about(entry, client);
                break;
            };
            client = next.to_canonical();
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn warn_about(&self, entry: &[u8], proxy: IpAddr) {
        if self.warnings.is_due(&proxy.to_string()) {
            let entry = String::from_utf8_lossy(entry.get(..MAX_LOGGED_BYTES).unwrap_or(entry));
            tracing::warn!(%proxy, ?entry, "X-Forwarded-For entry is not an IP address");
        }
    }
}

/// Parses an address as proxies write it: `192.0.2.9`, `192.0.2.9:4711`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:4711`, `fe80::1%eth0`, and all of these in quotes.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let (address, port) = match (text.strip_prefix('['), text.split_once(':')) {
        (Some(bracketed), _) => {
            let (address, rest) = bracketed.split_once(']')?;
            (address, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        (None, Some((address, port))) if !port.contains(':') => (address, Some(port)),
        (None, _) => (text, None),
    };
    // Clients differ in their address alone, so the port has no use.
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return None;
    }
    // The zone is the name of the proxy's network interface.
    let address = address.split_once('%').map_or(address, |(address, _zone)| address);
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let networks = trusted.split_whitespace().map(|net| net.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_bytes(line.as_bytes()).unwrap(),
            );
        }
        let proxies = Proxies::new(networks, Clock::manual(0));
        proxies.client_of(Some(peer.parse().unwrap()), &headers).to_string()
    }

    #[test]
    fn forwarded_header_from_untrusted_peer_is_ignored() {
        assert_eq!(client("", "10.0.0.1", &["192.0.2.9"]), "10.0.0.1");
        assert_eq!(client("172.16.0.0/12", "10.0.0.1", &["192.0.2.9"]), "10.0.0.1");
    }

    #[test]
    fn client_address_is_rightmost_untrusted_entry() {
        let trusted = "10.0.0.0/8";
        assert_eq!(client(trusted, "10.0.0.1", &["192.0.2.9"]), "192.0.2.9");
        assert_eq!(client(trusted, "10.0.0.1", &["1.1.1.1, 192.0.2.9, 10.0.0.2"]), "192.0.2.9");
        assert_eq!(client(trusted, "10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client(trusted, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn forwarded_lines_are_joined_and_entries_trimmed() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["1.1.1.1", "  192.0.2.9 ,10.0.0.2  "]), "192.0.2.9");
    }

    #[test]
    fn ipv4_mapped_ipv6_address_is_treated_as_ipv4() {
        assert_eq!(client("10.0.0.0/8", "::ffff:10.0.0.1", &["::ffff:192.0.2.9"]), "192.0.2.9");
    }

    #[test]
    fn address_is_found_in_every_form_that_proxies_write() {
        for (address, forms) in [
            (
                "203.0.113.9",
                [
                    "203.0.113.9",
                    "203.0.113.9:4711",
                    "\"203.0.113.9\"",
                    "\"203.0.113.9:4711\"",
                    "::ffff:203.0.113.9",
                    "[::ffff:cb00:7109]:4711",
                ],
            ),
            (
                "2001:db8::1",
                [
                    "2001:db8::1",
                    "[2001:db8::1]",
                    "[2001:db8::1]:4711",
                    "\"[2001:db8::1]\"",
                    "\"[2001:db8::1]:4711\"",
                    "2001:0DB8:0:0:0:0:0:1",
                ],
            ),
            (
                "fe80::1",
                [
                    "fe80::1",
                    "fe80::1%eth0",
                    "[fe80::1%eth0]",
                    "[fe80::1%25eth0]:4711",
                    "\"fe80::1%2\"",
                    "\"[fe80::1%2]:4711\"",
                ],
            ),
        ] {
            for form in forms {
                for line in [form.to_owned(), format!("192.0.2.66,{form}, 10.0.0.2:80"), format!("\t{form} ")]
                {
                    assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[&line]), address, "{line}");
                }
            }
        }
    }

    #[test]
    fn empty_forwarded_entry_is_skipped() {
        for lines in [
            &["192.0.2.9,"] as &[_],
            &["192.0.2.9, , ,,\t,"],
            &["192.0.2.9", ""],
            &["192.0.2.9,,10.0.0.2", " , "],
        ] {
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", lines), "192.0.2.9", "{lines:?}");
        }
    }

    #[test]
    fn malformed_address_or_port_ends_the_chain() {
        for entry in [
            "unknown",
            "_hidden",
            "192.0.2.9:",
            "192.0.2.9:_port",
            "192.0.2.9:99999",
            "192.0.2.9:1:2",
            "192.0.2.09",
            "192.0.2",
            "[2001:db8::1",
            "[2001:db8::1]4711",
            "[2001:db8::1]:",
            "2001:db8::1]",
            "\"192.0.2.9",
            "for=192.0.2.9",
            "\"\"",
            "[]",
            "%eth0",
        ] {
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["192.0.2.66", entry]), "10.0.0.1", "{entry}");
        }
    }

    #[test]
    fn invalid_forwarded_entry_ends_the_chain() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["192.0.2.9, <script>, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(
            client("10.0.0.0/8", "10.0.0.1", &["é, 192.0.2.9"]),
            "192.0.2.9",
            "the entry to its right still counts"
        );
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[""]), "10.0.0.1");
    }
}
