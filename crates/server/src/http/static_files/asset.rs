//! A file of the page: what it is, in which forms it is kept, and which of them a browser gets.

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

/// What trunk has built. A release has it inside; other builds read the folder when they start.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../frontend/dist"]
#[allow_missing = true]
struct Dist;

/// The forms of the page.
pub const INDEX: &str = "index.html";
pub const LOGIN: &str = "login.html";
pub const REGISTER: &str = "register.html";

/// What `scripts/finish-page.mjs` puts beside a file, the best first.
const COMPRESSED: [(&str, Encoding); 2] =
    [(".br", Encoding::Known(ContentEncoding::Brotli)), (".gz", Encoding::Known(ContentEncoding::Gzip))];
/// Every file of the build, by its path in it.
pub fn all() -> HashMap<String, Asset> {
    let is_original = |path: &str| COMPRESSED.iter().all(|(ending, _)| !path.ends_with(ending));
    Dist::iter()
        .filter(|path| is_original(path))
        .filter_map(|path| Some((path.to_string(), Asset::load(&path)?)))
        .collect()
}

/// One file, in memory.
pub struct Asset {
    pub bytes: web::Bytes,
    /// The same, compressed when the page was built; the best first.
    compressed: Vec<(Encoding, web::Bytes)>,
    mime: &'static str,
    /// Weak: it is one for all forms of the file, whose bytes differ.
    tag: EntityTag,
    /// Its name changes with its content, so it can be kept for ever.
    is_immutable: bool,
    pub is_page: bool,
}

impl Asset {
    /// The file of the build at this path, with its compressed forms.
    fn load(path: &str) -> Option<Self> {
        let found = Dist::get(path)?;
        let mut file = Self::of(path, bytes(found.data), &found.metadata.sha256_hash());
        for (ending, encoding) in COMPRESSED {
            if let Some(small) = Dist::get(&format!("{path}{ending}")) {
                file.compressed.push((encoding, bytes(small.data)));
            }
        }
        Some(file)
    }

    pub fn new(path: &str, content: &[u8]) -> Self {
        Self::of(path, web::Bytes::copy_from_slice(content), &Sha256::digest(content))
    }

    /// What is made of the page at the start, compressed as far as that costs no time.
    pub fn compressed(path: &str, content: &[u8]) -> Self {
        let mut file = Self::new(path, content);
        let mut small = GzEncoder::new(Vec::new(), Compression::default());
        // Into memory, which does not fail.
        if let Ok(small) = small.write_all(content).and_then(|()| small.finish()) {
            file.compressed.push((Encoding::Known(ContentEncoding::Gzip), small.into()));
        }
        file
    }

    fn of(path: &str, bytes: web::Bytes, sha256: &[u8]) -> Self {
        Self {
            tag: EntityTag::new_weak(STANDARD.encode(sha256)),
            mime: mime(path),
            is_immutable: path.starts_with("cometchat-sdk-") || has_hash(path),
            is_page: [INDEX, LOGIN, REGISTER].contains(&path),
            bytes,
            compressed: Vec::new(),
        }
    }

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
        let is_known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
            Err(_) => false,
        };
        let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut answer = HttpResponse::build(status);
        answer.insert_header(CacheControl(caching)).insert_header(ETag(self.tag.clone()));
        // The page depends on whether a session comes with the request.
        let vary = if self.is_page { "Accept-Encoding, Cookie" } else { "Accept-Encoding" };
        answer.insert_header((header::VARY, vary));
        if is_known {
            return answer.finish();
        }
        answer.content_type(self.mime);
        match self.compressed_for(request) {
            Some((encoding, bytes)) => {
                answer.insert_header((header::CONTENT_ENCODING, encoding.to_string())).body(bytes.clone())
            }
            None => answer.body(self.bytes.clone()),
        }
    }

    /// The best form that this browser takes; `None` is as it is.
    fn compressed_for(&self, request: &HttpRequest) -> Option<&(Encoding, web::Bytes)> {
        let accepted = AcceptEncoding::parse(request).ok()?;
        let offered = self.compressed.iter().map(|(encoding, _)| encoding);
        let chosen = accepted.negotiate(offered)?;
        self.compressed.iter().find(|(encoding, _)| *encoding == chosen)
    }
}

/// What a release has inside stays where it is: it costs memory only once somebody asks for it.
fn bytes(found: Cow<'static, [u8]>) -> web::Bytes {
    match found {
        Cow::Borrowed(found) => web::Bytes::from_static(found),
        Cow::Owned(found) => found.into(),
    }
}

/// What a file of the page is, by the end of its name.
fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
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

/// Whether trunk has put a hash of the content into the name, like `frontend-0123456789abcdef_bg.wasm`.
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
        for (ending, encoding) in COMPRESSED {
            file.compressed.push((encoding, web::Bytes::from_static(ending.as_bytes())));
        }
        let sent = |accepted: Option<&str>| {
            let request = actix_web::test::TestRequest::default();
            let request = match accepted {
                Some(accepted) => request.insert_header((header::ACCEPT_ENCODING, accepted)),
                None => request,
            };
            let answer = file.respond(&request.to_http_request());
            assert!(answer.headers().contains_key(header::VARY));
            let encoding = answer.headers().get(header::CONTENT_ENCODING).cloned();
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
        let html = "<p>once more</p>".repeat(100);
        let file = Asset::compressed("index.html", html.as_bytes());
        let (_, small) = file.compressed.first().unwrap();
        assert!(small.len() < 100 && file.bytes.len() == html.len());
        let mut whole = String::new();
        flate2::read::GzDecoder::new(small.as_ref()).read_to_string(&mut whole).unwrap();
        assert_eq!(whole, html);
    }
}
