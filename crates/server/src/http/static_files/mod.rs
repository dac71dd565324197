//! The page's files, and the page itself for every path that is its own.
//!
//! There are three forms of the page. Who brings no session gets it with the form to sign in, or to register, already in
//! it; who brings one is asked for, and gets it empty.

mod asset;

use crate::http::error::HttpError;
use crate::http::state::HttpState;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use asset::{Asset, INDEX, LOGIN, REGISTER};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use shared::routes::{self, LandingPage};
use std::collections::HashMap;

const NOT_BUILT: &str = "The page is not built. Run `make run`, or `make build` for a release.\n";

pub struct StaticFiles {
    files: HashMap<String, Asset>,
    pub inline: InlineHashes,
}

/// The hashes of what stands in the page itself, for the content security policy: `'sha256-…'`.
#[derive(Default)]
pub struct InlineHashes {
    pub scripts: Vec<String>,
    pub styles: Vec<String>,
}

impl StaticFiles {
    /// `base`: what every path here begins with.
    pub fn load(base: &str, registration_is_open: bool) -> Self {
        let mut files = asset::all();
        let mut inline = InlineHashes::default();
        for name in [INDEX, LOGIN, REGISTER] {
            let Some(file) = files.get(name) else { continue };
            let mut html = String::from_utf8_lossy(&file.bytes).into_owned();
            if !base.is_empty() || !registration_is_open {
                html = rebased(&html, base);
                if !registration_is_open {
                    // Then card.css hides the way there.
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
        Self { files, inline }
    }

    /// The answer with the file that was built under this very name, if there is one.
    pub fn serve(&self, name: &str, request: &HttpRequest) -> Option<HttpResponse> {
        Some(self.files.get(name)?.respond(request))
    }

    /// The file at this path; the page for paths that are its own to understand, which have no dot in their last part.
    fn find(&self, path: &str, brings_session: bool) -> Option<&Asset> {
        let name = path.trim_start_matches('/');
        if let Some(file) = self.files.get(name) {
            return Some(file);
        }
        let last = name.rsplit('/').next().unwrap_or_default();
        if last.contains('.') {
            return None;
        }
        let page = match LandingPage::for_path(path) {
            LandingPage::Login if !brings_session => LOGIN,
            LandingPage::Register if !brings_session => REGISTER,
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
pub async fn not_found() -> Result<HttpResponse, HttpError> {
    Err(HttpError::NotFound)
}

pub async fn page(http_state: web::Data<HttpState>, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let path = http_state.own_path(request.path());
    if path == routes::API || path.starts_with("/api/") {
        return Err(HttpError::NotFound);
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return Err(HttpError::MethodNotAllowed { allow: "GET, HEAD".into() });
    }
    if LandingPage::for_path(path) == LandingPage::Register && !http_state.registration_is_open {
        let sign_in = (header::LOCATION, format!("{}/", http_state.base));
        return Ok(HttpResponse::SeeOther().insert_header(sign_in).finish());
    }
    if http_state.pages.files.is_empty() {
        return Ok(HttpResponse::build(StatusCode::NOT_FOUND).content_type("text/plain").body(NOT_BUILT));
    }
    let brings_session = request.cookie(http_state.cookies.session_name()).is_some();
    let file = http_state.pages.find(path, brings_session).ok_or(HttpError::NotFound)?;
    Ok(file.respond(&request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(names: &[&str]) -> StaticFiles {
        let files =
            names.iter().map(|name| ((*name).to_owned(), Asset::new(name, name.as_bytes()))).collect();
        StaticFiles { files, inline: InlineHashes::default() }
    }

    #[test]
    fn page_path_finds_index_missing_file_finds_none() {
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
    fn page_without_session_is_the_prerendered_form() {
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
    fn base_path_is_added_to_page_urls() {
        let html = r#"<meta name="base-path" content=""><link href="/a.css"><meta content="/b.js" data-wasm="/b.wasm">
            <a href="/register"><script type="module">import("/app.js").then((app) => app.default({ module_or_path: "/app.wasm" }));</script>"#;
        let expected = r#"<meta name="base-path" content="/chat"><link href="/chat/a.css"><meta content="/chat/b.js" data-wasm="/chat/b.wasm">
            <a href="/chat/register"><script type="module">import("/chat/app.js").then((app) => app.default({ module_or_path: "/chat/app.wasm" }));</script>"#;
        assert_eq!(rebased(html, "/chat"), expected);
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
