//! Serves the files of the web app, and the page itself for every path that the web app handles.
//!
//! The page has three forms. A browser without a session cookie gets it with the login or registration form
//! prerendered; a browser with one gets the empty form, and the web app asks the server who is signed in. With
//! `LOGIN_URL`, a browser without an active session is redirected there instead.

mod asset;

use crate::http::error::HttpError;
use crate::http::extract::current_session::CurrentSession;
use crate::http::state::HttpState;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, web};
use asset::{Asset, INDEX, LOGIN, REGISTER};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use shared::routes::{self, LandingPage};
use std::collections::HashMap;

const NOT_BUILT: &str = "The web app is not built. Run `make run`, or `make build` for a release.\n";

/// The files of the web app, in memory.
pub struct StaticFiles {
    base: String,
    registration_is_open: bool,
    session_cookie: String,
    files: HashMap<String, Asset>,
    pub inline: InlineHashes,
}

/// The sources of the content security policy that allow the page's inline scripts and styles: `'sha256-…'`.
#[derive(Default)]
pub struct InlineHashes {
    pub scripts: Vec<String>,
    pub styles: Vec<String>,
}

impl StaticFiles {
    /// Loads the files and adapts the page to the base path. `session_cookie` is the name of the session cookie.
    pub fn load(base: &str, registration_is_open: bool, session_cookie: &str) -> Self {
        let mut files = asset::all();
        let mut inline = InlineHashes::default();
        for name in [INDEX, LOGIN, REGISTER] {
            let Some(file) = files.get(name) else { continue };
            let mut html = String::from_utf8_lossy(&file.bytes).into_owned();
            if !base.is_empty() || !registration_is_open {
                html = with_base_path(&html, base);
                if !registration_is_open {
                    // With this class card.css hides the link to the registration.
                    html = html.replace("<html ", "<html class=\"closed\" ");
                }
                files.insert(name.into(), Asset::compressed(name, html.as_bytes()));
            }
            inline.scripts.extend(hashes(&html, "script"));
            inline.styles.extend(hashes(&html, "style"));
        }
        if !registration_is_open {
            files.remove(REGISTER);
        }
        for hashes in [&mut inline.scripts, &mut inline.styles] {
            hashes.sort_unstable();
            hashes.dedup();
        }
        Self {
            base: base.to_owned(),
            registration_is_open,
            session_cookie: session_cookie.to_owned(),
            files,
            inline,
        }
    }

    /// Returns the response with the file of this name, if there is one.
    pub fn serve(&self, name: &str, request: &HttpRequest) -> Option<HttpResponse> {
        Some(self.files.get(name)?.respond(request))
    }

    /// Returns whether the page is at this path, and not another file.
    fn is_page(&self, path: &str) -> bool {
        let name = path.trim_start_matches('/');
        let last = name.rsplit('/').next().unwrap_or_default();
        !last.contains('.') && !self.files.contains_key(name)
    }

    /// Returns the file at this path. Without one, a path whose last segment has no dot gets the page.
    fn find(&self, path: &str, has_session: bool) -> Option<&Asset> {
        if let Some(file) = self.files.get(path.trim_start_matches('/')) {
            return Some(file);
        }
        if !self.is_page(path) {
            return None;
        }
        let page = match LandingPage::for_path(path) {
            LandingPage::Login if !has_session => LOGIN,
            LandingPage::Register if !has_session => REGISTER,
            _ => INDEX,
        };
        // A development build with trunk has this form only.
        self.files.get(page).or_else(|| self.files.get(INDEX))
    }
}

/// Adds the base path to every URL of the page, and to the `meta` element where its code reads the base path.
/// (A `<base>` element would do the former, but the content security policy forbids it.)
fn with_base_path(html: &str, base: &str) -> String {
    let mut html = html.replace("=\"/", &format!("=\"{base}/"));
    html = html.replace(r#"name="base-path" content="""#, &format!(r#"name="base-path" content="{base}""#));
    for before in ["import(", "module_or_path: "] {
        html = html.replace(&format!("{before}\"/"), &format!("{before}\"{base}/"));
    }
    html
}

/// Returns the content security policy sources that allow the inline content of these elements, and no other.
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

/// Responds to paths outside the base path.
pub async fn not_found() -> Result<HttpResponse, HttpError> {
    Err(HttpError::NotFound)
}

/// Responds with a file of the web app, or with the page.
pub async fn page(
    static_files: web::Data<StaticFiles>,
    http_state: web::Data<HttpState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let path = request.path().strip_prefix(&static_files.base).unwrap_or(request.path());
    if path == routes::API || path.starts_with("/api/") {
        return Err(HttpError::NotFound);
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return Err(HttpError::MethodNotAllowed { allow: "GET, HEAD".into() });
    }
    if let Some(login_url) = &http_state.login_url
        && static_files.is_page(path)
        && matches!(CurrentSession::extract(&request).await, Err(HttpError::NotSignedIn))
    {
        let mut login_url = login_url.clone();
        let wanted = format!("{}{}", http_state.origin, request.path());
        login_url.query_pairs_mut().append_pair("return_to", &wanted);
        return Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, login_url.as_str()))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish());
    }
    if LandingPage::for_path(path) == LandingPage::Register && !static_files.registration_is_open {
        let login_page = (header::LOCATION, format!("{}/", static_files.base));
        return Ok(HttpResponse::SeeOther().insert_header(login_page).finish());
    }
    if static_files.files.is_empty() {
        return Ok(HttpResponse::build(StatusCode::NOT_FOUND).content_type("text/plain").body(NOT_BUILT));
    }
    let has_session = request.cookie(&static_files.session_cookie).is_some();
    let file = static_files.find(path, has_session).ok_or(HttpError::NotFound)?;
    Ok(file.respond(&request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn static_files(names: &[&str]) -> StaticFiles {
        let files =
            names.iter().map(|name| ((*name).to_owned(), Asset::new(name, name.as_bytes()))).collect();
        StaticFiles {
            base: String::new(),
            registration_is_open: true,
            session_cookie: "session".into(),
            files,
            inline: InlineHashes::default(),
        }
    }

    #[test]
    fn page_path_finds_index_missing_file_finds_none() {
        let static_files = static_files(&["index.html", "app-0123456789abcdef.js"]);
        let found = |path| static_files.find(path, true).map(|file| file.bytes.clone());
        let index = Some(web::Bytes::from_static(b"index.html"));
        assert_eq!(found("/"), index);
        assert_eq!(found("/chat/some-body"), index);
        assert_eq!(found("/v1.2/chat"), index);
        assert_eq!(found("/app-0123456789abcdef.js").unwrap(), "app-0123456789abcdef.js");
        assert_eq!(found("/missing.js"), None);
        assert_eq!(found("/../../etc/passwd.txt"), None);
    }

    #[test]
    fn page_without_session_is_the_prerendered_form() {
        let static_files = static_files(&["index.html", "login.html", "register.html"]);
        let found = |path, has_session| {
            let file = static_files.find(path, has_session).unwrap();
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
    fn base_path_is_added_to_page_urls() {
        let html = r#"<meta name="base-path" content=""><link href="/a.css"><meta content="/b.js" data-wasm="/b.wasm">
            <a href="/register"><script type="module">import("/app.js").then((app) => app.default({ module_or_path: "/app.wasm" }));</script>"#;
        let expected = r#"<meta name="base-path" content="/chat"><link href="/chat/a.css"><meta content="/chat/b.js" data-wasm="/chat/b.wasm">
            <a href="/chat/register"><script type="module">import("/chat/app.js").then((app) => app.default({ module_or_path: "/chat/app.wasm" }));</script>"#;
        assert_eq!(with_base_path(html, "/chat"), expected);
    }

    #[test]
    fn inline_scripts_and_styles_are_hashed_for_csp() {
        let html =
            r#"<style>p{}</style><script src="/a.js"></script><script type="module">alert(1)</script>"#;
        assert_eq!(hashes(html, "script"), ["'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"]);
        assert_eq!(hashes(html, "style").len(), 1);
        assert!(hashes("<p>none</p>", "script").is_empty());
    }
}
