//! Parses single values and collects the errors.

use super::error::ConfigErrors;
use super::settings::{Kind, Setting, settings};
use super::sources::{Sources, UnknownReason};
use ipnet::{IpNet, Ipv4Net};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use url::Url;

/// Reads settings and collects all errors, so that they can be reported together. A method that returns `None` for an
/// invalid value has added an error.
pub(super) struct Reader<'a> {
    pub(super) sources: &'a Sources,
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Returns a reader with an error for each unknown setting.
    pub(super) fn new(sources: &'a Sources) -> Self {
        let mut reader = Self { sources, errors: Vec::new(), warnings: Vec::new() };
        for unknown in sources.unknown() {
            match unknown.reason {
                UnknownReason::RenamedTo(new) => {
                    reader.error(unknown.name, format_args!("setting was renamed to {new}"));
                }
                UnknownReason::SimilarTo(similar) => {
                    reader.error(unknown.name, format_args!("unknown setting; did you mean {similar}?"));
                }
                UnknownReason::NotInFile(setting) => {
                    reader.error(
                        unknown.name,
                        format_args!("only a secret can come from a file; set {setting}"),
                    );
                }
                UnknownReason::Means(setting) => {
                    reader.error(unknown.name, format_args!("unknown setting; set {setting}"));
                }
                UnknownReason::HasPrefix => reader.error(unknown.name, "unknown setting"),
            }
        }
        for (name, setting) in sources.general_names() {
            let message = "is in .env, but no setting of this server";
            reader.warn(name, format_args!("{message}; if it is meant for this server, set {setting}"));
        }
        reader
    }

    /// Returns the value, or all errors if there are any.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.errors)),
        }
    }

    pub(super) fn error(&mut self, name: &str, message: impl fmt::Display) {
        self.errors.push(format!("{name}: {message}"));
    }

    pub(super) fn warn(&mut self, name: &str, message: impl fmt::Display) {
        self.warnings.push(format!("{name}: {message}"));
    }

    fn setting(&self, name: &str) -> Option<&'static Setting> {
        settings().find(|setting| setting.name == name)
    }

    /// Returns the value or the default.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.sources.get(name).or_else(|| self.setting(name)?.default)
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.error(name, format_args!("{text:?} is not {expected}"));
        }
        parsed
    }

    /// Returns a number within the bounds of the settings table.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, name: &str) -> Option<T> {
        let number: i64 = self.parsed(name, "a whole number")?;
        let Some(Kind::Number { min, max }) = self.setting(name).map(|setting| setting.kind) else {
            self.error(name, "has no bounds in the settings table");
            return None;
        };
        let parsed = (min..=max).contains(&number).then(|| T::try_from(number).ok()).flatten();
        if parsed.is_none() {
            self.error(name, format_args!("{number} is not between {min} and {max}"));
        }
        parsed
    }

    /// Returns one of the values that the settings table allows.
    pub(super) fn one_of(&mut self, name: &str) -> Option<&'static str> {
        let text = self.text(name)?;
        let Some(Kind::OneOf(allowed)) = self.setting(name).map(|setting| setting.kind) else {
            self.error(name, "has no list of values in the settings table");
            return None;
        };
        let value = allowed.iter().copied().find(|value| *value == text);
        if value.is_none() {
            self.error(name, format_args!("{text:?} is not one of {}", allowed.join(", ")));
        }
        value
    }

    /// Returns a URL without path, query and credentials.
    pub(super) fn origin(&mut self, name: &str) -> Option<Url> {
        let url: Url = self.parsed(name, "a URL like http://localhost:4000")?;
        let is_origin = is_server_url(&url) && url.path() == "/";
        if !is_origin {
            self.error(name, "must be an origin like http://localhost:4000: scheme, host and optional port");
        }
        is_origin.then_some(url)
    }

    pub(super) fn public_url(&mut self) -> Option<Url> {
        let mut url: Url = self.parsed("PUBLIC_URL", "a URL like https://example.com")?;
        let path = url.path().trim_end_matches('/').to_owned();
        // The path becomes part of cookies, routes and HTML, so only characters that need no escaping are allowed.
        let is_plain_path = path.split('/').skip(1).all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~'))
        });
        let is_valid = is_server_url(&url) && is_plain_path;
        if !is_valid {
            self.error(
                "PUBLIC_URL",
                "must be like https://example.com or https://example.com/chat: scheme, host, optional port, and an \
                 optional path of letters, digits, '-', '_' and '~'",
            );
        }
        url.set_path(&path);
        is_valid.then_some(url)
    }

    /// Returns the URL of the app's login page, if it is set.
    pub(super) fn login_url(&mut self, public_url: Option<&Url>) -> Option<Url> {
        let example = "https://example.com/login";
        let url: Url = self.parsed("LOGIN_URL", &format!("a URL like {example}"))?;
        let mut without_query = url.clone();
        without_query.set_query(None);
        if !is_server_url(&without_query) {
            self.error(
                "LOGIN_URL",
                format_args!("must be like {example}: with scheme and host, without fragment"),
            );
        } else if public_url.is_some_and(|own| is_below(&url, own)) {
            self.error("LOGIN_URL", "must be a page of your app, not below PUBLIC_URL");
        }
        Some(url)
    }

    /// Returns an address to listen on.
    pub(super) fn listen_addr(&mut self, name: &str, example: &str) -> Option<SocketAddr> {
        let address: SocketAddr = self.parsed(name, &format!("an address and port like {example}"))?;
        if address.ip().is_multicast() || address.ip() == Ipv4Addr::BROADCAST {
            self.error(
                name,
                format_args!("{address} is not an address of one machine; write one like {example}"),
            );
        }
        Some(address)
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(name).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    pub(super) fn origins(&mut self, name: &str) -> Vec<String> {
        let mut origins = Vec::new();
        for item in self.list(name) {
            let url = Url::parse(item).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            let origin = url.as_ref().map(|url| url.origin().ascii_serialization());
            if item.contains('*') {
                self.error(name, format_args!("{item:?} has a wildcard; list each origin"));
            } else if origin.as_deref() == Some(item) && url.is_some_and(|url| is_server_url(&url)) {
                origins.push(item.to_owned());
            } else {
                let expected = origin
                    .filter(|origin| origin != item)
                    .unwrap_or_else(|| "an origin like https://app.example.com".into());
                self.error(name, format_args!("{item:?} is not an origin; write {expected}"));
            }
        }
        origins
    }

    pub(super) fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for item in self.list(name) {
            match item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => {
                    let network = without_mapping(network);
                    match void_network(network) {
                        Some(reason) => self.error(name, format_args!("{item:?} {reason}")),
                        None => networks.push(network),
                    }
                }
                Err(_) => self
                    .error(name, format_args!("{item:?} is not an IP address or a network like 10.0.0.0/8")),
            }
        }
        networks
    }
}

/// Converts a network of IPv4-mapped IPv6 addresses (`::ffff:10.0.0.0/104`) to IPv4, because client addresses are.
fn without_mapping(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let length = mapped.prefix_len().checked_sub(96);
    let address = mapped.addr().to_ipv4_mapped();
    let ipv4 = address.zip(length).and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    ipv4.map_or(network, IpNet::V4)
}

/// Returns why the network cannot be that of a proxy, if so.
fn void_network(network: IpNet) -> Option<String> {
    if network.prefix_len() == 0 {
        Some("trusts all clients, which could then claim any address; name the proxies only".into())
    } else if network.addr().is_unspecified() && network.prefix_len() == network.max_prefix_len() {
        Some("is not an address from which a proxy connects".into())
    } else if network.addr() != network.network() {
        Some(format!("names an address and a network; write {} or {}", network.addr(), network.trunc()))
    } else {
        None
    }
}

/// Returns whether the URL is HTTP(S) with a host that has an address, and without credentials, query or fragment.
/// Returns whether `url` has the origin of `base`, and its path or one below.
fn is_below(url: &Url, base: &Url) -> bool {
    let base_path = base.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(base_path);
    url.origin() == base.origin() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_server_url(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.contains('*'))
        && url.port() != Some(0)
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}
