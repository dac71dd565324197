//! Reading single values: what each kind of setting must look like, and the words for one that does not.

use super::ConfigErrors;
use super::settings::{self, Sources};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::Url;

/// Reads settings and collects what is wrong with them. A value that is missing or wrong is `None`, and
/// has left a fault.
pub(super) struct Reader<'a> {
    pub(super) sources: &'a Sources,
    pub(super) faults: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        let faults = sources
            .unknown()
            .into_iter()
            .map(|(name, meant)| match meant {
                Some(meant) => format!("{name}: there is no such setting; did you mean {meant}?"),
                None => format!("{name}: there is no such setting"),
            })
            .collect();
        Self { sources, faults }
    }

    pub(super) fn finish(self) -> Result<(), ConfigErrors> {
        if self.faults.is_empty() { Ok(()) } else { Err(ConfigErrors(self.faults)) }
    }

    pub(super) fn error(&mut self, name: &str, words: impl fmt::Display) {
        self.faults.push(format!("{name}: {words}"));
    }

    /// The value, or the default.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let default = || settings::SETTINGS.iter().find(|setting| setting.name == name)?.default;
        self.sources.get(name).or_else(default)
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.error(name, format_args!("{text:?} is not {expected}"));
        }
        parsed
    }

    pub(super) fn number(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let number = self.parsed(name, "a whole number")?;
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.error(name, format_args!("{number} is not between {min} and {max}"));
        None
    }

    /// A URL that names a server and no more.
    pub(super) fn origin(&mut self, name: &str) -> Option<Url> {
        let url: Url = self.parsed(name, "a URL")?;
        let plain = is_of_a_server(&url) && url.path() == "/";
        if !plain {
            self.error(
                name,
                "must be like https://example.com: a scheme, a host, perhaps a port, and no more",
            );
        }
        plain.then_some(url)
    }

    pub(super) fn public_url(&mut self) -> Option<Url> {
        let mut url: Url = self.parsed("PUBLIC_URL", "a URL")?;
        let path = url.path().trim_end_matches('/').to_owned();
        // It becomes part of cookies, of routes and of the page.
        let plain_path = path.split('/').skip(1).all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~'))
        });
        let plain = is_of_a_server(&url) && plain_path;
        if !plain {
            self.error(
                "PUBLIC_URL",
                "must be like https://example.com or https://example.com/chat: a scheme, a host, perhaps a port \
                 and a path of letters, digits and dashes",
            );
        }
        url.set_path(&path);
        plain.then_some(url)
    }

    /// One of two words.
    pub(super) fn one_of(&mut self, name: &str, [one, other]: [&'static str; 2]) -> Option<&'static str> {
        let text = self.text(name)?;
        let word = [one, other].into_iter().find(|word| *word == text);
        if word.is_none() {
            self.error(name, format_args!("{text:?} is neither {one} nor {other}"));
        }
        word
    }

    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(name).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    pub(super) fn origins(&mut self, name: &str) -> Vec<String> {
        let mut origins = Vec::new();
        for item in self.list(name) {
            match Url::parse(item) {
                Ok(url) if url.origin().is_tuple() && url.origin().ascii_serialization() == item => {
                    origins.push(item.to_owned());
                }
                _ => self.error(name, format_args!("{item:?} is not an origin like https://app.example.com")),
            }
        }
        origins
    }

    pub(super) fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for item in self.list(name) {
            match item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => {
                    self.error(name, format_args!("{item:?} is not an address or a network like 10.0.0.0/8"))
                }
            }
        }
        networks
    }
}

fn is_of_a_server(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}
