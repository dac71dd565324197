//! A file of the web app: its content type, caching and compressed variants.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, AcceptEncoding, CacheControl, CacheDirective, ContentEncoding, ETag, Encoding, EntityTag,
    Header as _, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;

/// The output of trunk. A release build embeds it; other builds read the directory at startup.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../frontend/dist"]
#[allow_missing = true]
struct Dist;

/// The three forms of the page.
pub const INDEX: &str = "index.html";
pub const LOGIN: &str = "login.html";
pub const REGISTER: &str = "register.html";

/// The suffixes of the compressed variants that `scripts/postbuild.mjs` creates, the best encoding first.
const COMPRESSED: [(&str, Encoding); 2] =
    [(".br", Encoding::Known(ContentEncoding::Brotli)), (".gz", Encoding::Known(ContentEncoding::Gzip))];

/// Loads every file of the build, by its path.
pub fn all() -> HashMap<String, Asset> {
    let is_original = |path: &str| COMPRESSED.iter().all(|(suffix, _)| !path.ends_with(suffix));
    Dist::iter()
        .filter(|path| is_original(path))
        .filter_map(|path| Some((path.to_string(), Asset::load(&path)?)))
        .collect()
}

/// A file in memory.
pub struct Asset {
    pub bytes: web::Bytes,
    /// The compressed variants, the best encoding first.
    compressed: Vec<(Encoding, web::Bytes)>,
    mime: &'static str,
    /// Weak, because all variants share it and their bytes differ.
    etag: EntityTag,
    /// Whether the name changes with the content, so that browsers may cache the file without revalidation.
    is_immutable: bool,
    pub is_page: bool,
}

impl Asset {
    /// Loads a file of the build with its compressed variants.
    fn load(path: &str) -> Option<Self> {
        let file = Dist::get(path)?;
        let mut asset = Self::of(path, bytes(file.data), &file.metadata.sha256_hash());
        for (suffix, encoding) in COMPRESSED {
            if let Some(variant) = Dist::get(&format!("{path}{suffix}")) {
                asset.compressed.push((encoding, bytes(variant.data)));
            }
        }
        Some(asset)
    }

    /// Creates a file without compressed variants.
    pub fn new(path: &str, content: &[u8]) -> Self {
        Self::of(path, web::Bytes::copy_from_slice(content), &Sha256::digest(content))
    }

    /// Creates a file with a gzip variant. It is for files generated at startup, where Brotli would take too long.
    pub fn compressed(path: &str, content: &[u8]) -> Self {
        let mut asset = Self::new(path, content);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to memory does not fail.
        if let Ok(gzip) = encoder.write_all(content).and_then(|()| encoder.finish()) {
            asset.compressed.push((Encoding::Known(ContentEncoding::Gzip), gzip.into()));
        }
        asset
    }

    fn of(path: &str, bytes: web::Bytes, sha256: &[u8]) -> Self {
        Self {
            etag: EntityTag::new_weak(STANDARD.encode(sha256)),
            mime: mime(path),
            is_immutable: path.starts_with("cometchat-sdk-") || has_hash(path),
            is_page: [INDEX, LOGIN, REGISTER].contains(&path),
            bytes,
            compressed: Vec::new(),
        }
    }

    /// Returns the response with the best variant that the client accepts, or a 304 if its cached file is current.
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let caching = if self.is_immutable {
            vec![
                CacheDirective::Public,
                CacheDirective::MaxAge(31_536_000),
                CacheDirective::Extension("immutable".into(), None),
            ]
        } else {
            vec![CacheDirective::NoCache]
        };
        let is_unchanged = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.etag)),
            Err(_) => false,
        };
        let status = if is_unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut response = HttpResponse::build(status);
        response.insert_header(CacheControl(caching)).insert_header(ETag(self.etag.clone()));
        // The form of the page depends on the session cookie.
        let vary = if self.is_page { "Accept-Encoding, Cookie" } else { "Accept-Encoding" };
        response.insert_header((header::VARY, vary));
        if is_unchanged {
            return response.finish();
        }
        response.content_type(self.mime);
        match self.compressed_for(request) {
            Some((encoding, bytes)) => {
                response.insert_header((header::CONTENT_ENCODING, encoding.to_string())).body(bytes.clone())
            }
            None => response.body(self.bytes.clone()),
        }
    }

    /// Returns the best compressed variant that the client accepts; `None` if it accepts none.
    fn compressed_for(&self, request: &HttpRequest) -> Option<&(Encoding, web::Bytes)> {
        let accepted = AcceptEncoding::parse(request).ok()?;
        let chosen = accepted.negotiate(self.compressed.iter().map(|(encoding, _)| encoding))?;
        self.compressed.iter().find(|(encoding, _)| *encoding == chosen)
    }
}

/// Converts without copying: embedded files stay in the executable and use memory only when they are read.
fn bytes(data: Cow<'static, [u8]>) -> web::Bytes {
    match data {
        Cow::Borrowed(data) => web::Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// Returns the content type for a file name extension.
fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Returns whether the name has a content hash from trunk, like `frontend-0123456789abcdef_bg.wasm`.
fn has_hash(path: &str) -> bool {
    path.split(['-', '_', '.', '/'])
        .any(|part| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn content_type_follows_file_extension() {
        let types = ["index.html", "a/app-0123456789abcdef_bg.wasm", "CometChat.js", "icon.svg", "LICENSE"]
            .map(|name| Asset::new(name, b"x").mime);
        let expected = [
            "text/html; charset=utf-8",
            "application/wasm",
            "text/javascript; charset=utf-8",
            "image/svg+xml",
            "application/octet-stream",
        ];
        assert_eq!(types, expected);
    }

    #[test]
    fn immutable_caching_needs_hash_or_version_in_name() {
        for name in
            ["app-0123456789abcdef.js", "a/app-0123456789abcdef_bg.wasm", "cometchat-sdk-4.2.0/CometChat.js"]
        {
            assert!(Asset::new(name, b"x").is_immutable, "{name}");
        }
        for name in ["index.html", "icon.svg", "accounting-office.js"] {
            assert!(!Asset::new(name, b"x").is_immutable, "{name}");
        }
    }

    #[test]
    fn file_is_sent_in_best_accepted_encoding() {
        let mut file = Asset::new("app.js", b"as it is");
        for (suffix, encoding) in COMPRESSED {
            file.compressed.push((encoding, web::Bytes::from_static(suffix.as_bytes())));
        }
        let sent = |accepted: Option<&str>| {
            let request = actix_web::test::TestRequest::default();
            let request = match accepted {
                Some(accepted) => request.insert_header((header::ACCEPT_ENCODING, accepted)),
                None => request,
            };
            let response = file.respond(&request.to_http_request());
            assert!(response.headers().contains_key(header::VARY));
            let encoding = response.headers().get(header::CONTENT_ENCODING).cloned();
            encoding.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(sent(Some("gzip, deflate, br, zstd")).as_deref(), Some("br"));
        assert_eq!(sent(Some("gzip, deflate")).as_deref(), Some("gzip"));
        assert_eq!(sent(Some("br;q=0, gzip;q=0.5")).as_deref(), Some("gzip"));
        assert_eq!(sent(Some("identity")), None);
        assert_eq!(sent(None), None);
    }

    #[test]
    fn generated_file_has_gzip_variant() {
        let html = "<p>again</p>".repeat(100);
        let file = Asset::compressed("index.html", html.as_bytes());
        let (_, gzip) = file.compressed.first().unwrap();
        assert!(gzip.len() < 100 && file.bytes.len() == html.len());
        let mut decoded = String::new();
        flate2::read::GzDecoder::new(gzip.as_ref()).read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, html);
    }
}
