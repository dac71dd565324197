//! The page's files: kept in memory, and the page itself for every path that is its own.
//!
//! There are three forms of the page. Who brings no session gets it with the form to sign in, or to register, already in
//! it; who brings one is asked for, and gets it empty.

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
use shared::routes::{self, Way};
use std::borrow::Cow;
use std::collections::HashMap;

/// What trunk has built. A release has it inside; other builds read the folder when they start.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../frontend/dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
const LOGIN: &str = "login.html";
const REGISTER: &str = "register.html";
/// What `scripts/finish-page.mjs` puts beside a file, the best first.
const COMPRESSED: [(&str, Encoding); 2] =
    [(".br", Encoding::Known(ContentEncoding::Brotli)), (".gz", Encoding::Known(ContentEncoding::Gzip))];
const NOT_BUILT: &str = "The page is not built. Run `make run`, or `make build` for a release.\n";

pub struct Pages {
    files: HashMap<String, File>,
    pub inline: Inline,
}

/// The hashes of what stands in the page itself, for the content security policy: `'sha256-…'`.
#[derive(Default)]
pub struct Inline {
    pub scripts: Vec<String>,
    pub styles: Vec<String>,
}

struct File {
    bytes: web::Bytes,
    /// The same, compressed when the page was built; the best first.
    compressed: Vec<(Encoding, web::Bytes)>,
    mime: &'static str,
    /// Weak: it is one for all forms of the file, whose bytes differ.
    tag: EntityTag,
    /// Its name changes with its content, so it can be kept for ever.
    is_immutable: bool,
    is_page: bool,
}

impl Pages {
    /// `base`: what every path here begins with.
    pub fn load(base: &str, registration_is_open: bool) -> Self {
        let is_original = |path: &str| COMPRESSED.iter().all(|(ending, _)| !path.ends_with(ending));
        let mut files: HashMap<_, _> = Dist::iter()
            .filter(|path| is_original(path))
            .filter_map(|path| Some((path.to_string(), File::load(&path)?)))
            .collect();
        let mut inline = Inline::default();
        for name in [INDEX, LOGIN, REGISTER] {
            let Some(file) = files.get(name) else { continue };
            let mut html = String::from_utf8_lossy(&file.bytes).into_owned();
            if !base.is_empty() || !registration_is_open {
                html = rebased(&html, base);
                if !registration_is_open {
                    // Then card.css hides the way there.
                    html = html.replace("<html ", "<html class=\"closed\" ");
                }
                files.insert(name.into(), File::new(name, html.as_bytes()));
            }
            inline.scripts.extend(hashes(&html, "script"));
            inline.styles.extend(hashes(&html, "style"));
        }
        for hashes in [&mut inline.scripts, &mut inline.styles] {
            hashes.sort_unstable();
            hashes.dedup();
        }
        Self { files, inline }
    }

    /// The answer with the file that was built under this very name, if there is one.
    pub fn serve(&self, name: &str, request: &HttpRequest) -> Option<HttpResponse> {
        Some(self.files.get(name)?.answer(request))
    }

    /// The file at this path; the page for paths that are its own to understand, which have no dot in their last part.
    fn find(&self, path: &str, brings_session: bool) -> Option<&File> {
        let name = path.trim_start_matches('/');
        if let Some(file) = self.files.get(name) {
            return Some(file);
        }
        let last = name.rsplit('/').next().unwrap_or_default();
        if last.contains('.') {
            return None;
        }
        let page = match Way::of(path) {
            Way::SignIn if !brings_session => LOGIN,
            Way::Register if !brings_session => REGISTER,
            _ => INDEX,
        };
        // While the page is being worked on, trunk builds only this one.
        self.files.get(page).or_else(|| self.files.get(INDEX))
    }
}

/// The page for a site that lives under `base`: every address in it, and the place where its code looks for the base. (A
/// `<base>` element would do it in one line, if the content security policy let it.)
fn rebased(html: &str, base: &str) -> String {
    let mut html = html.replace("=\"/", &format!("=\"{base}/"));
    html = html.replace(r#"name="base-path" content="""#, &format!(r#"name="base-path" content="{base}""#));
    for before in ["import(", "module_or_path: "] {
        html = html.replace(&format!("{before}\"/"), &format!("{before}\"{base}/"));
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
        Self {
            tag: EntityTag::new_weak(STANDARD.encode(sha256)),
            mime: mime(path),
            is_immutable: path.starts_with("cometchat-sdk-") || has_hash(path),
            is_page: [INDEX, LOGIN, REGISTER].contains(&path),
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

/// The sources that let what stands in `html` in elements of this kind be used, and nothing else of it.
fn hashes(html: &str, element: &str) -> Vec<String> {
    html.split(&format!("<{element}"))
        .skip(1)
        .filter_map(|rest| {
            let (attributes, rest) = rest.split_once('>')?;
            let (content, _) = rest.split_once(&format!("</{element}>"))?;
            let is_inline = !attributes.contains("src=") && !content.is_empty();
            is_inline.then(|| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content))))
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
    if Way::of(path) == Way::Register && !site.registration_is_open {
        let sign_in = (header::LOCATION, format!("{}/", site.base));
        return Ok(HttpResponse::SeeOther().insert_header(sign_in).finish());
    }
    if site.pages.files.is_empty() {
        return Ok(HttpResponse::build(StatusCode::NOT_FOUND).content_type("text/plain").body(NOT_BUILT));
    }
    let brings_session = request.cookie(site.cookies.session_name()).is_some();
    let file = site.pages.find(path, brings_session).ok_or(Failure::NotFound)?;
    Ok(file.answer(&request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(names: &[&str]) -> Pages {
        let files = names.iter().map(|name| ((*name).to_owned(), File::new(name, name.as_bytes()))).collect();
        Pages { files, inline: Inline::default() }
    }

    #[test]
    fn a_path_of_the_page_gets_the_index_and_a_missing_file_does_not() {
        let pages = pages(&["index.html", "app-0123456789abcdef.js"]);
        let found = |path| pages.find(path, true).map(|file| file.bytes.clone());
        let index = Some(web::Bytes::from_static(b"index.html"));
        assert_eq!(found("/"), index);
        assert_eq!(found("/chat/some-body"), index);
        assert_eq!(found("/v1.2/chat"), index);
        assert_eq!(found("/app-0123456789abcdef.js").unwrap(), "app-0123456789abcdef.js");
        assert_eq!(found("/missing.js"), None);
        assert_eq!(found("/../../etc/passwd.txt"), None);
    }

    #[test]
    fn who_brings_no_session_gets_the_form_with_the_page() {
        let pages = pages(&["index.html", "login.html", "register.html"]);
        let found = |path, brings_session| {
            let file = pages.find(path, brings_session).unwrap();
            assert!(file.is_page);
            String::from_utf8(file.bytes.to_vec()).unwrap()
        };
        for path in ["/", "/chat/some-body"] {
            assert_eq!((found(path, false), found(path, true)), ("login.html".into(), "index.html".into()));
        }
        assert_eq!(
            (found("/register", false), found("/register", true)),
            ("register.html".into(), "index.html".into())
        );
        assert_eq!(found("/no/such/page", false), "index.html");
    }

    #[test]
    fn a_browser_is_told_what_a_file_is() {
        let types = ["index.html", "a/app-0123456789abcdef_bg.wasm", "CometChat.js", "icon.svg", "LICENSE"]
            .map(|name| File::new(name, b"x").mime);
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
    fn under_a_base_the_page_finds_its_files_and_says_where_it_is() {
        let html = r#"<meta name="base-path" content=""><link href="/a.css"><meta content="/b.js" data-wasm="/b.wasm">
            <a href="/register"><script type="module">import("/app.js").then((app) => app.default({ module_or_path: "/app.wasm" }));</script>"#;
        let expected = r#"<meta name="base-path" content="/chat"><link href="/chat/a.css"><meta content="/chat/b.js" data-wasm="/chat/b.wasm">
            <a href="/chat/register"><script type="module">import("/chat/app.js").then((app) => app.default({ module_or_path: "/chat/app.wasm" }));</script>"#;
        assert_eq!(rebased(html, "/chat"), expected);
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
    fn what_stands_in_the_page_is_found_and_hashed() {
        let html =
            r#"<style>p{}</style><script src="/a.js"></script><script type="module">alert(1)</script>"#;
        assert_eq!(hashes(html, "script"), ["'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"]);
        assert_eq!(hashes(html, "style").len(), 1);
        assert!(hashes("<p>none</p>", "script").is_empty());
    }
}
