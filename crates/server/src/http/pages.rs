//! The page's files: kept in memory, and `index.html` for every path that is the page's own.

use super::Site;
use super::failure::Failure;
use actix_web::http::header::{
    self, AcceptEncoding, CacheControl, CacheDirective, ContentEncoding, ETag, Encoding, EntityTag,
    Header as _, IfNoneMatch,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use shared::routes;
use std::borrow::Cow;
use std::collections::HashMap;

/// What trunk has built. A release has it inside; other builds read the folder when they start.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../frontend/dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
/// What `scripts/compress.mjs` puts beside a file, the best first.
const COMPRESSED: [(&str, Encoding); 2] =
    [(".br", Encoding::Known(ContentEncoding::Brotli)), (".gz", Encoding::Known(ContentEncoding::Gzip))];
/// What `frontend/index.html` has where the base is to be written.
const BASE_UNSET: &str = r#"<meta name="base-path" content="""#;
const NOT_BUILT: &str = "The page is not built. Run `make run`, or `make build` for a release.\n";

pub struct Pages {
    files: HashMap<String, File>,
    /// The hashes of the index's inline scripts, for the content security policy: `'sha256-…'`.
    pub inline_scripts: Vec<String>,
}

struct File {
    bytes: web::Bytes,
    /// The same, compressed when the page was built; the best first.
    compressed: Vec<(Encoding, web::Bytes)>,
    mime: String,
    /// Weak: it is one for all forms of the file, whose bytes differ.
    tag: EntityTag,
    /// Its name changes with its content, so it can be kept for ever.
    is_immutable: bool,
}

impl Pages {
    /// `base`: what every path here begins with.
    pub fn load(base: &str) -> Self {
        let is_original = |path: &str| COMPRESSED.iter().all(|(ending, _)| !path.ends_with(ending));
        let mut files: HashMap<_, _> = Dist::iter()
            .filter(|path| is_original(path))
            .filter_map(|path| Some((path.to_string(), File::load(&path)?)))
            .collect();
        let index = files.get(INDEX).map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        let mut index = index.unwrap_or_default();
        if !base.is_empty() && files.contains_key(INDEX) {
            index = rebased(&index, base, files.keys());
            files.insert(INDEX.into(), File::new(INDEX, index.as_bytes()));
        }
        let inline_scripts = inline_scripts(&index);
        Self { files, inline_scripts }
    }

    /// The answer with the file that was built under this very name, if there is one.
    pub fn serve(&self, name: &str, request: &HttpRequest) -> Option<HttpResponse> {
        Some(self.files.get(name)?.answer(request))
    }

    /// The file at this path; the index for paths that are the page's own to understand, which have no
    /// dot in their last part.
    fn find(&self, path: &str) -> Option<&File> {
        let path = path.trim_start_matches('/');
        self.files.get(path).or_else(|| {
            let last = path.rsplit('/').next().unwrap_or_default();
            if last.contains('.') { None } else { self.files.get(INDEX) }
        })
    }
}

/// The index for a page that lives under `base`: the addresses of its files, and the place where its code looks
/// for the base. (A `<base>` element would do it in one line, if the content security policy let it.)
fn rebased<'a>(html: &str, base: &str, files: impl Iterator<Item = &'a String>) -> String {
    let mut html = html.replace(BASE_UNSET, &format!(r#"<meta name="base-path" content="{base}""#));
    if !base.is_empty() {
        for file in files {
            for quote in ['"', '\''] {
                html =
                    html.replace(&format!("{quote}/{file}{quote}"), &format!("{quote}{base}/{file}{quote}"));
            }
        }
    }
    html
}

impl File {
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

    fn new(path: &str, content: &[u8]) -> Self {
        Self::of(path, web::Bytes::copy_from_slice(content), &Sha256::digest(content))
    }

    fn of(path: &str, bytes: web::Bytes, sha256: &[u8]) -> Self {
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        let is_text = mime.type_() == "text";
        Self {
            tag: EntityTag::new_weak(STANDARD.encode(sha256)),
            mime: if is_text { format!("{mime}; charset=utf-8") } else { mime.to_string() },
            is_immutable: path.starts_with("cometchat-sdk-") || has_hash(path),
            bytes,
            compressed: Vec::new(),
        }
    }
}

impl File {
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
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
        if !self.compressed.is_empty() {
            answer.insert_header((header::VARY, "Accept-Encoding"));
        }
        if is_known {
            return answer.finish();
        }
        answer.content_type(self.mime.as_str());
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

/// Whether trunk has put a hash of the content into the name, like `frontend-0123456789abcdef_bg.wasm`.
fn has_hash(path: &str) -> bool {
    path.split(['-', '_', '.', '/'])
        .any(|part| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The sources for `script-src` that let these inline scripts of `html` run and no other.
fn inline_scripts(html: &str) -> Vec<String> {
    html.split("<script")
        .skip(1)
        .filter_map(|rest| {
            let (attributes, rest) = rest.split_once('>')?;
            let (script, _) = rest.split_once("</script>")?;
            let is_inline = !attributes.contains("src=") && !script.is_empty();
            is_inline.then(|| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        })
        .collect()
}

/// A path that is none of ours: it does not begin with our base.
pub async fn elsewhere() -> Result<HttpResponse, Failure> {
    Err(Failure::NotFound)
}

pub async fn page(site: web::Data<Site>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let path = site.own_path(request.path());
    if path == routes::API || path.starts_with("/api/") {
        return Err(Failure::NotFound);
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return Err(Failure::MethodNotAllowed { allow: "GET, HEAD".into() });
    }
    if site.pages.files.is_empty() {
        return Ok(HttpResponse::build(StatusCode::NOT_FOUND).content_type("text/plain").body(NOT_BUILT));
    }
    let file = site.pages.find(path).ok_or(Failure::NotFound)?;
    Ok(file.answer(&request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(names: &[&str]) -> Pages {
        let files = names.iter().map(|name| ((*name).to_owned(), File::new(name, name.as_bytes()))).collect();
        Pages { files, inline_scripts: Vec::new() }
    }

    #[test]
    fn a_path_of_the_page_gets_the_index_and_a_missing_file_does_not() {
        let pages = pages(&["index.html", "app-0123456789abcdef.js"]);
        let found = |path| pages.find(path).map(|file| file.bytes.clone());
        let index = Some(web::Bytes::from_static(b"index.html"));
        assert_eq!(found("/"), index);
        assert_eq!(found("/chat/some-body"), index);
        assert_eq!(found("/v1.2/chat"), index);
        assert_eq!(found("/app-0123456789abcdef.js").unwrap(), "app-0123456789abcdef.js");
        assert_eq!(found("/missing.js"), None);
        assert_eq!(found("/../../etc/passwd.txt"), None);
    }

    #[test]
    fn only_what_has_its_content_in_its_name_is_kept_for_ever() {
        for name in
            ["app-0123456789abcdef.js", "a/app-0123456789abcdef_bg.wasm", "cometchat-sdk-4.2.0/CometChat.js"]
        {
            assert!(File::new(name, b"x").is_immutable, "{name}");
        }
        for name in ["index.html", "icon.svg", "accounting-office.js"] {
            assert!(!File::new(name, b"x").is_immutable, "{name}");
        }
    }

    #[test]
    fn under_a_base_the_index_finds_its_files_and_says_where_it_is() {
        let html = r#"<meta name="base-path" content=""><link href="/a.css"><a href="/about">
            <script type="module">import init from '/app.js'; init('/app.wasm');</script>"#;
        let files = ["a.css", "app.js", "app.wasm"].map(String::from);
        let rebased = rebased(html, "/chat", files.iter());
        assert!(rebased.contains(r#"<meta name="base-path" content="/chat">"#), "{rebased}");
        for there in [r#""/chat/a.css""#, "'/chat/app.js'", "'/chat/app.wasm'", r#""/about""#] {
            assert!(rebased.contains(there), "{there} in {rebased}");
        }
    }

    #[test]
    fn a_file_is_sent_in_the_best_form_that_the_browser_takes() {
        let mut file = File::new("app.js", b"as it is");
        for (ending, encoding) in COMPRESSED {
            file.compressed.push((encoding, web::Bytes::from_static(ending.as_bytes())));
        }
        let sent = |accepted: Option<&str>| {
            let request = actix_web::test::TestRequest::default();
            let request = match accepted {
                Some(accepted) => request.insert_header((header::ACCEPT_ENCODING, accepted)),
                None => request,
            };
            let answer = file.answer(&request.to_http_request());
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
    fn inline_scripts_are_found_and_hashed() {
        let html = r#"<script src="/a.js"></script><script type="module">alert(1)</script>"#;
        assert_eq!(inline_scripts(html), ["'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"]);
        assert!(inline_scripts("<p>none</p>").is_empty());
    }
}
