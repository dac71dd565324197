//! Tests of the binary behind nginx and Caddy, with the files of `deploy/` except for names and ports; and of several
//! instances on one database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use shared::routes;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_support::{PASSWORD, Process, SECRET_KEY, TestEmulator, canary, new_database};

const HOST: &str = "chat.example.com";
/// The client's address; the proxies' address is 127.0.0.1.
const CLIENT: [u8; 4] = [127, 0, 0, 9];
const CLIENTS: usize = 8;

#[derive(Clone, Copy)]
enum Kind {
    Nginx,
    Caddy,
}

/// A proxy process, which ends with the test.
struct Proxy {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns a port that is currently free.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Replaces text that must exist.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in {text}");
    text.replace(from, to)
}

impl Proxy {
    /// Starts a proxy with its file from `deploy/`, and waits until it responds.
    async fn start(kind: Kind, servers: &[&Process], change: impl Fn(String) -> String) -> Self {
        let folder = canary::folder();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = match kind {
            Kind::Nginx => nginx(folder.path(), address, servers, change),
            Kind::Caddy => caddy(folder.path(), address, servers, change),
        };
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("missing proxy: run `make test`, or scripts/setup proxies");
        let begun = Instant::now();
        let mut proxy = Self { child, address, folder };
        // Caddy listens before it has its certificate.
        while proxy.client().get(proxy.url("/")).send().await.is_err() {
            let log = std::fs::read_to_string(proxy.folder.path().join("log")).unwrap();
            assert!(proxy.child.try_wait().unwrap().is_none(), "the proxy ended: {log}");
            assert!(begun.elapsed() < Duration::from_secs(20), "the proxy does not respond: {log}");
        }
        proxy
    }

    /// Returns a client that resolves [`HOST`] to the proxy, and accepts its self-signed certificate.
    #[allow(clippy::disallowed_methods)]
    fn client(&self) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder()
            .timeout(Duration::from_secs(30))
            .local_address(IpAddr::from(CLIENT))
            .resolve(HOST, self.address)
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .build()
            .unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.address.port())
    }
}

fn nginx(
    folder: &Path,
    address: SocketAddr,
    servers: &[&Process],
    change: impl Fn(String) -> String,
) -> Command {
    let certified = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), certified.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    let site = std::fs::read_to_string(project().join("deploy/nginx.conf")).unwrap();
    let upstream: String =
        servers.iter().map(|server| format!("    server 127.0.0.1:{};\n", server.port())).collect();
    let site = replaced(&site, "    server 127.0.0.1:3000;\n", &upstream);
    let site = replaced(&site, "listen 443 ssl;", &format!("listen {address} ssl;"));
    let site = replaced(&site, "listen 80;", &format!("listen 127.0.0.1:{};", free_port()));
    let live = "/etc/letsencrypt/live/chat.example.com";
    let site = replaced(&site, &format!("{live}/fullchain.pem"), "cert.pem");
    let site = replaced(&site, &format!("{live}/privkey.pem"), "key.pem");
    std::fs::write(folder.join("site.conf"), change(site)).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {}/{what};", folder.display()))
        .concat();
    let main = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}
         http {{ access_log off; {temporary} include site.conf; }}"
    );
    std::fs::write(folder.join("nginx.conf"), main).unwrap();
    let mut command = Command::new(project().join(".tools/debian/usr/sbin/nginx"));
    command.arg("-p").arg(folder).args(["-e", "stderr", "-c", "nginx.conf"]);
    command
}

fn caddy(
    folder: &Path,
    address: SocketAddr,
    servers: &[&Process],
    change: impl Fn(String) -> String,
) -> Command {
    let site = std::fs::read_to_string(project().join("deploy/Caddyfile")).unwrap();
    let upstream: Vec<_> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    let site = replaced(&site, "127.0.0.1:3000", &upstream.join(" "));
    let site =
        replaced(&site, "\nchat.example.com {", &format!("\n{HOST}:{} {{\n\tbind 127.0.0.1", address.port()));
    let options = "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n";
    std::fs::write(folder.join("Caddyfile"), format!("{options}{}", change(site))).unwrap();
    let mut command = Command::new(project().join(".tools/debian/usr/bin/caddy"));
    command.args(["run", "--config", "Caddyfile"]).env("HOME", folder).env("XDG_DATA_HOME", folder);
    command
}

/// Starts a server with a public URL as in production, which cannot reach CometChat.
fn production(folder: &Path, public_url: &str) -> Process {
    let settings = [
        ("PUBLIC_URL", public_url),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("COMETCHAT_APP_ID", "0"),
        ("COMETCHAT_REGION", "us"),
        ("COMETCHAT_API_KEY", "0"),
        // No process listens on this port.
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    Process::server(folder, &settings)
}

async fn register(http: &Client, url: &str, email: &str) -> Response {
    let body = json!({"email": email, "password": PASSWORD, "name": "Ada"});
    let request = http.post(url).header("x-forwarded-for", "192.0.2.66").json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    response
}

/// Returns the `Set-Cookie` header of the session, and its pair for the `Cookie` header.
fn session_cookie(response: &Response) -> (String, String) {
    let mut set = response.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let set = set.rfind(|cookie| !cookie.split('=').next().unwrap().ends_with("-device")).unwrap();
    (set.to_owned(), set.split(';').next().unwrap().to_owned())
}

async fn check_behind(kind: Kind) {
    let folder = canary::folder();
    let server = production(folder.path(), "https://chat.example.com");
    let proxy = Proxy::start(kind, &[&server], |site| site).await;
    let http = proxy.client();
    let response = register(&http, &proxy.url(routes::REGISTER), "ada@example.com").await;
    assert!(response.headers().contains_key("strict-transport-security"));
    let (set, cookie) = session_cookie(&response);
    assert!(set.starts_with("__Host-cometchat-auth=") && set.contains("; Secure"), "{set}");

    let sessions = http.get(proxy.url(routes::SESSIONS)).header("cookie", &cookie).send().await.unwrap();
    let sessions: Value = sessions.json().await.unwrap();
    assert_eq!(sessions["sessions"][0]["address"], "127.0.0.9", "the forged header of the client is ignored");
}

async fn check_base_path_behind(kind: Kind, change: impl Fn(String) -> String) {
    let folder = canary::folder();
    let server = production(folder.path(), "https://chat.example.com/team");
    let proxy = Proxy::start(kind, &[&server], change).await;
    let http = proxy.client();
    let response = register(&http, &proxy.url("/team/api/register"), "ada@example.com").await;
    let (set, cookie) = session_cookie(&response);
    assert!(set.starts_with("__Secure-cometchat-auth=") && set.contains("; Path=/team;"), "{set}");
    let session = http.get(proxy.url("/team/api/session")).header("cookie", cookie).send().await.unwrap();
    assert_eq!(session.status(), StatusCode::OK);
    let outside = http.get(format!("{}/api/session", server.url)).send().await.unwrap();
    assert_eq!(outside.status(), StatusCode::NOT_FOUND, "paths outside of the base path return 404");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: make test"]
async fn server_behind_nginx_sees_clients_and_https() {
    check_behind(Kind::Nginx).await;
    let under = |site: String| replaced(&site, "location / {", "location /team {");
    check_base_path_behind(Kind::Nginx, under).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Caddy: make test"]
async fn server_behind_caddy_sees_clients_and_https() {
    check_behind(Kind::Caddy).await;
    let under = |site: String| replaced(&site, "reverse_proxy 127", "reverse_proxy /team* 127");
    check_base_path_behind(Kind::Caddy, under).await;
}

/// Two servers on one database behind nginx.
struct Pair {
    folder: TempDir,
    servers: [Process; 2],
    proxy: Proxy,
}

impl Pair {
    async fn start() -> Self {
        let folder = canary::folder();
        let (database, emulator) = (new_database(folder.path()).await, TestEmulator::start());
        let settings = [
            ("DATABASE_URL", database.as_str()),
            ("COMETCHAT_EMULATOR_URL", &emulator.url),
            ("SECRET_KEY", SECRET_KEY),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let servers = [(); 2].map(|()| Process::server(folder.path(), &settings));
        let proxy = Proxy::start(Kind::Nginx, &[&servers[0], &servers[1]], |site| site).await;
        Self { folder, servers, proxy }
    }
}

async fn status(http: &Client, url: &str, cookie: &str) -> StatusCode {
    http.get(format!("{url}{}", routes::SESSION)).header("cookie", cookie).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: make test"]
async fn session_and_backoff_are_shared_by_instances() {
    let pair = Pair::start().await;
    let http = test_support::client();
    let [one, other] = [&pair.servers[0].url, &pair.servers[1].url];
    let response = register(&http, &format!("{one}{}", routes::REGISTER), "ada@example.com").await;
    let (_, cookie) = session_cookie(&response);
    assert_eq!(status(&http, other, &cookie).await, StatusCode::OK);
    let ended =
        http.post(format!("{other}{}", routes::LOGOUT)).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(status(&http, one, &cookie).await, StatusCode::UNAUTHORIZED);

    let mut refused = StatusCode::UNAUTHORIZED;
    for attempt in 0..10 {
        let body = json!({"email": "ada@example.com", "password": "wrong"});
        let at = [one, other][attempt % 2];
        refused = http.post(format!("{at}{}", routes::LOGIN)).json(&body).send().await.unwrap().status();
    }
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS, "the instances share the count of failures");
    drop(pair.folder);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: make test"]
async fn instance_crash_fails_only_requests_in_flight() {
    let Pair { folder, servers: [survivor, victim], proxy } = Pair::start().await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // Each client has its own account, because the sessions of an account are limited.
    let email = |client: usize| format!("ada{client}@example.com");
    for client in 0..CLIENTS {
        register(&proxy.client(), &proxy.url(routes::REGISTER), &email(client)).await;
    }
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (http, url, email) = (proxy.client(), proxy.url(""), email(client));
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut sessions, mut failed) = (Vec::new(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let body = json!({"email": email, "password": PASSWORD});
                    let response =
                        http.post(format!("{url}{}", routes::LOGIN)).json(&body).send().await.unwrap();
                    match response.status() {
                        StatusCode::OK => sessions.push(session_cookie(&response).1),
                        // The response of nginx if the instance died during the request.
                        StatusCode::BAD_GATEWAY => failed += 1,
                        status => panic!("{status}"),
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                (sessions, failed)
            })
        })
        .collect();
    let more = |count: usize| {
        let (done, goal) = (Arc::clone(&done), done.load(Ordering::Relaxed) + count);
        async move {
            while done.load(Ordering::Relaxed) < goal {
                tokio::task::yield_now().await;
            }
        }
    };
    more(5 * CLIENTS).await;
    victim.signal("-KILL");
    more(10 * CLIENTS).await;
    stop.store(true, Ordering::Relaxed);

    let (mut all, mut failed) = (Vec::new(), 0);
    for client in clients {
        let (sessions, failures) = client.await.unwrap();
        failed += failures;
        all.extend(sessions);
    }
    assert!(failed <= CLIENTS, "{failed} requests failed, more than the {CLIENTS} in flight");
    let http = test_support::client();
    for session in &all {
        assert_eq!(status(&http, &survivor.url, session).await, StatusCode::OK, "a session was lost");
    }
    assert!(all.len() >= 15 * CLIENTS - failed, "{} signed in", all.len());
    drop((victim, folder));
}
