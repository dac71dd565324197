//! The client's address: the peer's, or what a proxy that we trust says it is.

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// The proxies whose `X-Forwarded-For` is believed. Being in a private network makes nobody one.
pub struct Proxies(pub Vec<IpNet>);

impl Proxies {
    /// Whom a request comes from. From the right, which is what the nearest proxy wrote: the first
    /// entry that is not a trusted proxy itself. Everything to the left of it the client can have made up.
    pub fn client_of(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let mut client = plain(peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into()));
        // By bytes: one that is no text must not take along what a proxy has written behind it.
        let lines: Vec<_> = headers.get_all("x-forwarded-for").map(|line| line.as_bytes()).collect();
        let entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        for entry in entries {
            if !self.trusts(client) {
                break;
            }
            // An entry that is no address ends the chain: who wrote it is not to be trusted.
            let next = std::str::from_utf8(entry).ok().and_then(|entry| entry.trim().parse::<IpAddr>().ok());
            let Some(next) = next else { break };
            client = plain(next);
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An IPv4 address that came in an IPv6 coat (`::ffff:192.0.2.1`) without it.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
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
        Proxies(networks).client_of(Some(peer.parse().unwrap()), &headers).to_string()
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
    fn invalid_forwarded_entry_ends_the_chain() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["192.0.2.9, <script>, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["é, 192.0.2.9"]), "192.0.2.9", "and not more than it");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[""]), "10.0.0.1");
    }
}
