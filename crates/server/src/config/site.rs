//! Finds allowed origins to which browsers keep no cookies, because they are of another site than the server.

use super::parse::Reader;
use url::{Host, Url};

impl Reader<'_> {
    pub(super) fn warn_about_other_sites(&mut self, public_url: &Url, origins: &[String]) {
        for origin in origins {
            if Url::parse(origin).is_ok_and(|origin| !is_same_site(&origin, public_url)) {
                let own = public_url.origin().ascii_serialization();
                self.warn(
                    "ALLOWED_ORIGINS",
                    format_args!(
                        "{origin} is of another site than PUBLIC_URL ({own}), so browsers drop the session cookie and \
                         logins are rejected; use one scheme and one domain, such as app.example.com and \
                         chat.example.com (localhost and 127.0.0.1 are two sites)"
                    ),
                );
            }
        }
    }
}

/// Returns whether browsers regard the URLs as same-site: their schemes and registrable domains are the same.
fn is_same_site(one: &Url, other: &Url) -> bool {
    let is_same_host = match (one.host(), other.host()) {
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => {
            one == other || psl::domain_str(one).is_some_and(|domain| psl::domain_str(other) == Some(domain))
        }
        (one, other) => one == other,
    };
    one.scheme() == other.scheme() && is_same_host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(one: &str, other: &str) -> bool {
        is_same_site(&one.parse().unwrap(), &other.parse().unwrap())
    }

    #[test]
    fn same_site_needs_scheme_and_registrable_domain() {
        for (one, other) in [
            ("https://app.example.com", "https://chat.example.com/chat"),
            ("https://example.com", "https://chat.eu.example.com:8443"),
            ("https://app.example.co.uk", "https://chat.example.co.uk"),
            ("http://localhost:5501", "http://localhost:3000"),
            ("http://127.0.0.1:5501", "http://127.0.0.1:3000"),
            ("http://[::1]:5501", "http://[::1]:3000"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("http://127.0.0.1:5501", "http://localhost:5303"),
            ("http://app.example.com", "https://app.example.com"),
            ("https://example.com", "https://example.org"),
            ("https://app.co.uk", "https://chat.co.uk"),
            ("https://app.github.io", "https://chat.github.io"),
            ("https://app.xn--55qx5d.cn", "https://chat.xn--55qx5d.cn"),
            ("http://192.168.1.1", "http://192.168.1.2"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }
}
