//! Hostile pages in the browser of a signed-in user: of another site, and of the same site on another port,
//! whose requests have the cookies.

use e2e::{CONNECTED, Context, DEMO, Page, Result, Scenario, TestContext, ensure, eventually};
use serde_json::{Value, json};
use shared::routes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const EMPTY: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 21\r\n\r\n\
    <!doctype html><p>hi.";

/// Serves an empty page at every path until the test ends. Returns a cross-site and a same-site origin.
async fn hostile_origins() -> Result<[String; 2]> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(EMPTY).await;
            });
        }
    });
    Ok([format!("http://localhost:{port}/"), format!("http://127.0.0.1:{port}/")])
}

/// Allows the errors that the browser reports when it blocks a hostile page.
fn scenario() -> Scenario {
    Scenario::default()
        .expect_console_error("Failed to load resource: ")
        .expect_console_error("has been blocked by CORS policy")
        .expect_console_error("Content Security Policy")
}

/// Returns the state that no hostile page may change: the sessions, the tokens and all users.
async fn state(test: &TestContext) -> Result<Value> {
    test.page.open("/").await?;
    test.page.see(CONNECTED).await?;
    let ask = "const ask = path => fetch(path).then(answer => answer.json());
               return Promise.all([ask('/api/session'), ask('/api/sessions')])";
    let mut responses = test.page.script(ask).await?;
    let sessions = responses.pointer_mut("/1/sessions").and_then(Value::as_array_mut);
    for session in sessions.context("sessions")? {
        session.as_object_mut().context("a session")?.remove("lastSeenAt");
    }
    let state = test.env.emulator.state().await;
    let users = state.get("users").and_then(Value::as_array).context("users")?;
    let names: Vec<_> = users.iter().map(|user| user.get("name")).collect();
    Ok(json!([
        responses,
        names,
        test.env.emulator.tokens(DEMO.id).await,
        test.env.emulator.calls("POST", "/auth_tokens").await
    ]))
}

/// Sends every form that could look like an API request, each in a frame, and waits until all have loaded.
const FORMS: &str = "
    const bodies = [['x', 'y'], ['{\"renew\":true,\"x\":\"', '\"}'], ['{\"name\":\"Hacked\",\"x\":\"', '\"}'],
        ['{\"password\":\"password\",\"x\":\"', '\"}']];
    const paths = ['/api/logout', '/api/session/chat-token', '/api/account', '/api/account/password',
        '/api/sessions', '/api/login', '/api/register', '/api/login/assertion'];
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'];
    const loads = [];
    for (const path of paths) for (const enctype of types) for (const [name, value] of bodies) {
        const frame = document.createElement('iframe'), form = document.createElement('form');
        const field = document.createElement('input');
        frame.name = 'frame' + loads.length;
        Object.assign(form, { method: 'post', enctype, action: ORIGIN + path, target: frame.name });
        Object.assign(field, { name, value });
        form.append(field);
        document.body.append(frame, form);
        loads.push(new Promise(done => { frame.onload = done; frame.onerror = done; }));
        form.submit();
    }
    return Promise.all(loads).then(all => all.length)";

/// Sends API requests in every way that a script can, with cookies, and returns how many responses it can read.
const SCRIPTS: &str = "
    const calls = [['POST', '/api/logout', ''], ['POST', '/api/session/chat-token', '{\"renew\":true}'],
        ['PUT', '/api/account', '{\"name\":\"Hacked\"}'], ['DELETE', '/api/sessions', ''],
        ['DELETE', '/api/account', '{\"password\":\"password\"}'],
        ['POST', '/api/login', '{\"email\":\"grace@example.com\",\"password\":\"password\"}'],
        ['PUT', '/api/account/password', '{\"currentPassword\":\"password\",\"newPassword\":\"hacked hacked hacked\"}'],
        ['POST', '/api/register', '{\"email\":\"m@example.com\",\"password\":\"plum tractor yesterday\",\"name\":\"M\"}'],
        ['GET', '/api/session', null], ['GET', '/api/sessions', null], ['GET', '/api/config', null], ['GET', '/', null]];
    const tries = [];
    for (const [method, path, body] of calls) {
        for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded']) {
            for (const mode of ['cors', 'no-cors']) {
                const options = { method, mode, credentials: 'include' };
                if (body !== null) Object.assign(options, { body, headers: { 'Content-Type': type } });
                tries.push(fetch(ORIGIN + path, options).then(answer => answer.text()).then(text => text.length));
            }
        }
        if (method === 'POST') navigator.sendBeacon(ORIGIN + path, body);
    }
    return Promise.allSettled(tries).then(all => all.filter(one => one.value > 0).length)";

async fn script(page: &Page, origin: &str, script: &str) -> Result<Value> {
    page.script(&format!("const ORIGIN = '{origin}';{script}")).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn hostile_page_cannot_change_or_read_anything() -> Result<()> {
    scenario()
        .run(async |test| {
            let ours = test.url("");
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let before = state(test).await?;
            for hostile in hostile_origins().await? {
                test.page.driver.goto(&hostile).await?;
                assert_eq!(script(&test.page, &ours, FORMS).await?, 8 * 3 * 4);
                assert_eq!(script(&test.page, &ours, SCRIPTS).await?, 0, "read from {hostile}");

                // The browser sends the cookie with a top-level navigation.
                for path in [routes::LOGOUT, routes::CHAT_TOKEN, routes::SESSIONS, routes::ACCOUNT] {
                    test.page.driver.goto(&hostile).await?;
                    script(&test.page, &ours, &format!("location.href = ORIGIN + '{path}?renew=true'"))
                        .await?;
                    eventually("the page to be left", async || {
                        let here = test.page.driver.current_url().await?;
                        Ok(here.path().starts_with(routes::API).then_some(()))
                    })
                    .await?;
                }
                assert_eq!(state(test).await?, before, "{hostile}");
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn hostile_page_cannot_frame_embed_or_keep_a_window() -> Result<()> {
    scenario()
        .run(async |test| {
            let ours = test.url("");
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let files = "return [...document.querySelectorAll('link[href]')].map(link => new URL(link.href).pathname)";
            let files = test.page.script(files).await?;
            ensure!(files.to_string().contains(".css") && files.to_string().contains(".svg"), "{files}");
            for hostile in hostile_origins().await? {
                let driver = &test.page.driver;
                driver.goto(&hostile).await?;
                let frame = "const frame = document.createElement('iframe');
                    return new Promise(done => { frame.onload = done; frame.src = ORIGIN + '/';
                                                 document.body.append(frame); }).then(() => 1)";
                script(&test.page, &ours, frame).await?;
                driver.enter_frame(0).await?;
                assert!(!test.page.is_there("meta[name=base-path]").await?, "framed by {hostile}");
                driver.enter_default_frame().await?;

                let embed = format!(
                    "const tries = [['script', 'src'], ['img', 'src'], ['link', 'href']].flatMap(([tag, to]) =>
                        ['/', '/api/session', '/api/config', ...{files}].map(path => new Promise(done => {{
                            const element = document.createElement(tag);
                            element.onload = () => done(tag + path); element.onerror = () => done(null);
                            if (tag === 'link') element.rel = 'stylesheet';
                            element[to] = ORIGIN + path; document.body.append(element);
                        }})));
                     return Promise.all(tries).then(all => all.filter(one => one))"
                );
                assert_eq!(script(&test.page, &ours, &embed).await?, json!([]), "embedded by {hostile}");

                let here = driver.window().await?;
                script(&test.page, &ours, "window.ours = window.open(ORIGIN + '/')").await?;
                eventually("the hostile page to lose hold of the window", async || {
                    let lost = test.page.script("return window.ours.closed").await?;
                    Ok((lost == true).then_some(()))
                })
                .await?;
                let windows = driver.windows().await?;
                let opened = windows.iter().find(|window| **window != here).context("a window was opened")?;
                driver.switch_to_window(opened.clone()).await?;
                test.page.see("[data-page=chat]").await?;
                let is_free = test.page.script("return window.opener === null").await?;
                ensure!(is_free == true, "our page has {hostile} as its opener");
                driver.close_window().await?;
                driver.switch_to_window(here).await?;
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn logout_response_clears_storage_and_keeps_device_cookie() -> Result<()> {
    Scenario::default()
        .expect_console_error("Failed to load resource: the server responded with a status of 401")
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let kept = "return Object.keys(localStorage).length";
            assert_ne!(test.page.script(kept).await?, 0, "the SDK keeps its token there");
            // Without the page's own sign-out, which clears the same storage.
            let logout = "return fetch('/api/logout', {method: 'POST'}).then(answer => answer.status)";
            assert_eq!(test.page.script(logout).await?, 204);
            assert_eq!(test.page.script(kept).await?, 0);
            let cookies = test.page.driver.get_all_cookies().await?;
            let names: Vec<_> = cookies.iter().map(|cookie| cookie.name.as_str()).collect();
            assert_eq!(names, ["cometchat-auth-3000-device"]);
            Ok(())
        })
        .await
}
