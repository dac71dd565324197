//! Security headers of every response, with the content security policy (CSP).

use crate::config::{CometChat, Config};
use crate::http::static_files::InlineHashes;
use actix_web::HttpResponseBuilder;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use shared::routes;

/// The Trusted Types directives of the CSP: scripts enter the page only through the policy `scripts`, which
/// `frontend/index.html` creates. Swagger UI does not support Trusted Types, so its page goes without them.
const TRUSTED_TYPES: &str = "; require-trusted-types-for 'script'; trusted-types scripts";

/// The security headers, computed once at startup.
pub struct HeaderPolicy {
    base: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The CSP of the API documentation page.
    docs_csp: Option<HeaderValue>,
}

impl HeaderPolicy {
    pub fn new(config: &Config, inline: &InlineHashes) -> Self {
        let mut headers = vec![
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            // Browsers ignore it for requests that CORS permits.
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                HeaderValue::from_static("same-origin"),
            ),
            (
                HeaderName::from_static("permissions-policy"),
                HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
            ),
        ];
        let csp = content_security_policy(&config.cometchat, inline);
        let docs_csp = HeaderValue::from_str(&csp).ok();
        if let Ok(csp) = HeaderValue::from_str(&format!("{csp}{TRUSTED_TYPES}")) {
            headers.push((header::CONTENT_SECURITY_POLICY, csp));
        }
        if config.public_url.scheme() == "https" {
            // With a base path the server shares the host, so it must not speak for the host's subdomains.
            let value = if config.base_path().is_empty() {
                HeaderValue::from_static("max-age=63072000; includeSubDomains")
            } else {
                HeaderValue::from_static("max-age=63072000")
            };
            headers.push((header::STRICT_TRANSPORT_SECURITY, value));
        }
        Self { base: config.base_path().to_owned(), headers, docs_csp }
    }

    /// Adds `Clear-Site-Data: "storage"`, with which the browser deletes what the web app stored, above all
    /// CometChat's token, even if the web app fails to do so. It leaves cookies alone, because the device
    /// cookie outlives the session. With a base path the header is omitted, since it would also delete the
    /// storage of other apps on the host.
    pub fn clear_storage(&self, response: &mut HttpResponseBuilder) {
        if self.base.is_empty() {
            response.insert_header(("clear-site-data", "\"storage\""));
        }
    }

    /// Adds the headers to the response for a request path.
    pub fn add_to(&self, path: &str, headers: &mut HeaderMap) {
        let path = path.strip_prefix(&self.base).unwrap_or(path);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        if let (routes::API_DOCS, Some(csp)) = (path, &self.docs_csp) {
            headers.insert(header::CONTENT_SECURITY_POLICY, csp.clone());
        }
        // API responses are personal, so no cache may keep them.
        if path.starts_with(routes::API) || !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

/// Returns the CSP: the web app may load its own files, and connect to its server and to CometChat, or to the
/// emulator in its place.
fn content_security_policy(cometchat: &CometChat, inline: &InlineHashes) -> String {
    let mut scripts = vec!["'self'".to_owned(), "'wasm-unsafe-eval'".to_owned()];
    scripts.extend_from_slice(&inline.scripts);
    let mut styles = vec!["'self'".to_owned()];
    styles.extend_from_slice(&inline.styles);
    let mut connect = vec!["'self'".to_owned()];
    match &cometchat.emulator {
        Some(emulator) => {
            let origin = emulator.origin().ascii_serialization();
            connect.push(origin.clone());
            connect.push(origin.replacen("http", "ws", 1));
            // The page loads the emulator's shim, which lets the SDK use plain HTTP.
            scripts.push(origin);
        }
        None => {
            let (app_id, region) = (&cometchat.endpoint.app_id, &cometchat.region);
            connect.push(format!("https://{app_id}.apiclient-{region}.cometchat.io"));
            connect.push(format!("wss://{app_id}.websocket-{region}.cometchat.io"));
        }
    }
    format!(
        "default-src 'none'; script-src {}; connect-src {}; style-src {}; img-src 'self' data:; \
         font-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
        scripts.join(" "),
        connect.join(" "),
        styles.join(" ")
    )
}
