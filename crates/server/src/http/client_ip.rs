//! The client's IP address: that of the TCP peer, or the one that a trusted proxy reports.

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// The proxies whose `X-Forwarded-For` header is trusted. An address in a private network is not trusted by
/// default.
pub struct Proxies(pub Vec<IpNet>);

impl Proxies {
    /// Returns the address of a request's client: the first entry of `X-Forwarded-For` from the right that is
    /// not a trusted proxy. The nearest proxy appends on the right; the client can forge everything to the left
    /// of its own address.
    pub fn client_of(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let mut client = canonical(peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into()));
        // Split as bytes, so that an entry of invalid UTF-8 does not discard those that a proxy appended.
        let lines: Vec<_> = headers.get_all("x-forwarded-for").map(|line| line.as_bytes()).collect();
        let entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        for entry in entries {
            if !self.trusts(client) {
                break;
            }
            // An entry that is not an address ends the chain: its author is not a proxy.
            let next = std::str::from_utf8(entry).ok().and_then(|entry| entry.trim().parse::<IpAddr>().ok());
            let Some(next) = next else { break };
            client = canonical(next);
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Converts an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) to IPv4.
fn canonical(address: IpAddr) -> IpAddr {
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
        assert_eq!(
            client("10.0.0.0/8", "10.0.0.1", &["é, 192.0.2.9"]),
            "192.0.2.9",
            "the entry to its right still counts"
        );
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[""]), "10.0.0.1");
    }
}
