//! The headers of every answer, and the content security policy above all.

use crate::config::{CometChat, Config};
use crate::http::static_files::InlineHashes;
use actix_web::HttpResponseBuilder;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use shared::routes;

/// Beside the sources: a script may come into the page in one way only, which `frontend/index.html` has the policy for.
/// Swagger UI, the page to try the API, has several of its own.
const TRUSTED_TYPES: &str = "; require-trusted-types-for 'script'; trusted-types scripts";

/// The headers, made once at the start.
pub struct HeaderPolicy {
    fixed: Vec<(HeaderName, HeaderValue)>,
    /// For the page to try the API.
    docs_csp: Option<HeaderValue>,
    has_host_to_itself: bool,
}

impl HeaderPolicy {
    pub fn new(config: &Config, inline: &InlineHashes) -> Self {
        let mut fixed = vec![
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            // What CORS lets through is not touched by this one.
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
            fixed.push((header::CONTENT_SECURITY_POLICY, csp));
        }
        if config.public_url.scheme() == "https" {
            // Who has but a part of the host does not speak for all that is below it.
            let value = if config.base_path().is_empty() {
                HeaderValue::from_static("max-age=63072000; includeSubDomains")
            } else {
                HeaderValue::from_static("max-age=63072000")
            };
            fixed.push((header::STRICT_TRANSPORT_SECURITY, value));
        }
        Self { fixed, docs_csp, has_host_to_itself: config.base_path().is_empty() }
    }

    /// Has the browser drop what our pages have stored, CometChat's token above all, also when they do not. Cookies
    /// are not meant: one of them has to outlive the session. Where other pages share the host, nothing is dropped,
    /// because it would be theirs too.
    pub fn clear_storage(&self, answer: &mut HttpResponseBuilder) {
        if self.has_host_to_itself {
            answer.insert_header(("clear-site-data", "\"storage\""));
        }
    }

    pub fn add_to(&self, path: &str, headers: &mut HeaderMap) {
        for (name, value) in &self.fixed {
            headers.insert(name.clone(), value.clone());
        }
        if let (routes::API_DOCS, Some(csp)) = (path, &self.docs_csp) {
            headers.insert(header::CONTENT_SECURITY_POLICY, csp.clone());
        }
        // What the API answers is somebody's own, and is never kept by a cache.
        if path.starts_with(routes::API) || !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

/// What the page may load and whom it may talk to: itself and CometChat, or the emulator in its place.
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
            // Its shim, which lets the SDK speak plain http to it.
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
