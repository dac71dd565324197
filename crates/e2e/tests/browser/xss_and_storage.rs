//! The reach of a script in the page, and of a page of another origin.

use e2e::{CONNECTED, Context, DEMO, Result, Scenario, TestContext, User, ensure};
use serde_json::json;
use shared::routes;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn scripts_see_no_cookie_and_only_sdk_storage() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            assert_eq!(test.page.script("return document.cookie").await?, "");
            for cookie in test.page.driver.get_all_cookies().await? {
                assert_eq!(cookie.http_only, Some(true), "{}", cookie.name);
            }
            let keys = test.page.script("return Object.keys(localStorage)").await?;
            for key in keys.as_array().context("keys")? {
                let key = key.as_str().unwrap_or_default();
                ensure!(key.starts_with("emulator:"), "{key} is not the SDK's");
            }
            let stored =
                test.page.script("return JSON.stringify([{...localStorage}, {...sessionStorage}])").await?;
            for secret in ["emulator-rest-api-key", "emulator-auth-key"] {
                ensure!(!stored.to_string().contains(secret), "{secret} is in {stored}");
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn browser_holds_no_secret_but_the_sdk_token() -> Result<()> {
    const ADA: User = User {
        id: "ada",
        email: "ada@example.com",
        name: "Ada Lovelace",
        password: "plum tractor yesterday",
    };
    // Everything that a script can read: the storage, the document, and all URLs.
    const ALL: &str = "const sdk = 'emulator:common_store/user';
        const {[sdk]: own, ...local} = {...localStorage};
        return Promise.all([indexedDB.databases(), caches.keys()]).then(kept => JSON.stringify([own ?? '', JSON.stringify([
            kept, local, {...sessionStorage}, document.documentElement.outerHTML, location.href, history.state,
            performance.getEntries().map(entry => entry.name)])]))";
    Scenario::default()
        .run(async |test| {
            test.add_user(&ADA).await?;
            test.page.sign_in(ADA.email, ADA.password).await?;
            test.page.see(CONNECTED).await?;
            let all = test.page.script(ALL).await?;
            let (own, others): (String, String) = serde_json::from_str(all.as_str().context("all")?)?;
            ensure!(others.contains("Ada Lovelace"), "the page is in it");

            let tokens = test.env.emulator.tokens(ADA.id).await;
            ensure!(
                !tokens.is_empty() && tokens.iter().any(|token| own.contains(token)),
                "the SDK has its token"
            );
            let mut secrets = tokens;
            for cookie in test.page.driver.get_all_cookies().await? {
                secrets.push(cookie.value);
            }
            ensure!(secrets.len() >= 3, "a token, a session and a device");
            for secret in &secrets {
                ensure!(!others.contains(secret), "{secret} is in {others}");
            }
            for secret in [ADA.password, "emulator-rest-api-key", "emulator-auth-key"] {
                ensure!(!others.contains(secret) && !own.contains(secret), "{secret} is in {own} {others}");
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn other_origin_can_neither_sign_in_nor_out() -> Result<()> {
    // The origins are of one site, so the browser sends the cookie, and only the server can tell them apart.
    // A form needs no permission from CORS, and text/plain is the closest that a form gets to JSON.
    fn form(url: &str, name: &str, value: &str) -> String {
        let field = json!({"name": name, "value": value});
        format!(
            "const form = document.createElement('form'), field = document.createElement('input');
             Object.assign(form, {{method: 'post', enctype: 'text/plain', action: '{url}'}});
             Object.assign(field, {field}); form.append(field); document.body.append(form); form.submit()"
        )
    }
    async fn response(test: &TestContext, script: &str) -> Result<u64> {
        test.page.script(script).await?;
        let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
        e2e::eventually("the answer to the form", async || {
            let here = test.page.driver.current_url().await?;
            if here.as_str().starts_with(&test.url("/")) {
                return Ok(test.page.script(status).await?.as_u64().filter(|status| *status != 0));
            }
            Ok(None)
        })
        .await
    }
    Scenario::default()
        .expect_console_error("Failed to load resource: the server responded with a status of 4")
        .expect_console_error("has been blocked by CORS policy")
        .expect_console_error("net::ERR_FAILED")
        .expect_console_error("net::ERR_BLOCKED_BY_RESPONSE")
        .run(async |test| {
            let elsewhere = test.env.emulator.url.clone() + "/emulator/state";
            let login = test.url(routes::LOGIN);
            let logout = test.url(routes::LOGOUT);

            test.page.driver.goto(&elsewhere).await?;
            let body = json!({"email": DEMO.email, "password": DEMO.password, "x": ""}).to_string();
            let (name, value) = body.split_at(body.len() - 2);
            assert_eq!(response(test, &form(&login, name, value)).await?, 403);
            let cookies = test.page.driver.get_all_cookies().await?;
            ensure!(cookies.is_empty(), "signed in from elsewhere: {cookies:?}");

            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            test.page.driver.goto(&elsewhere).await?;
            assert_eq!(response(test, &form(&logout, "x", "y")).await?, 403);
            test.page.driver.goto(&elsewhere).await?;
            let fetch = format!(
                "return fetch('{logout}', {{method: 'POST', mode: 'no-cors', credentials: 'include'}}).then(() => 1, () => 0)"
            );
            test.page.script(&fetch).await?;

            test.page.open("/").await?;
            test.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn injected_text_never_runs_as_script() -> Result<()> {
    Scenario::default()
        .expect_console_error("This document requires 'Trusted")
        .expect_console_error("Content Security Policy")
        .expect_console_error("Content Security policy")
        .run(async |test| {
            test.page.open("/").await?;
            test.page.see("#login").await?;
            for way in [
                "const script = document.createElement('script'); script.text = 'window.ran = 1'; document.body.append(script)",
                "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')",
                "document.body.firstElementChild.innerHTML = '<iframe srcdoc=\"<script>parent.ran = 1</script>\"></iframe>'",
                "const script = document.createElement('script'); script.src = 'data:text/javascript,window.ran=1'; document.body.append(script)",
                "trustedTypes.createPolicy('mine', { createScript: (text) => text })",
                "const link = document.createElement('a'); link.href = 'javascript:window.ran=1'; document.body.append(link); link.click()",
            ] {
                let refused = format!("try {{ {way} }} catch (error) {{ return error.name }} return ''");
                let refused = test.page.script(&refused).await?;
                let ran = "return new Promise(done => setTimeout(() => done(window.ran ?? null)))";
                ensure!(test.page.script(ran).await?.is_null(), "ran: {way} ({refused})");
            }
            Ok(())
        })
        .await
}
