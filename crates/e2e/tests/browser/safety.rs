//! What a script in the page, or a page of somebody else, could get at.

use e2e::{Context, DEMO, Result, Scenario, Stage, User, ensure};
use serde_json::json;
use shared::routes;

const CONNECTED: &str = "#chat-status[data-state=connected]";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn scripts_see_no_cookie_and_nothing_stored_but_the_sdk_s_own() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            assert_eq!(stage.page.script("return document.cookie").await?, "");
            for cookie in stage.page.driver.get_all_cookies().await? {
                assert_eq!(cookie.http_only, Some(true), "{}", cookie.name);
            }
            let keys = stage.page.script("return Object.keys(localStorage)").await?;
            for key in keys.as_array().context("keys")? {
                let key = key.as_str().unwrap_or_default();
                ensure!(key.starts_with("emulator:"), "{key} is not the SDK's");
            }
            let stored =
                stage.page.script("return JSON.stringify([{...localStorage}, {...sessionStorage}])").await?;
            for secret in ["emulator-rest-api-key", "emulator-auth-key"] {
                ensure!(!stored.to_string().contains(secret), "{secret} is in {stored}");
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn no_secret_is_anywhere_in_the_browser_but_the_sdk_s_own_token() -> Result<()> {
    const ADA: User = User {
        id: "ada",
        email: "ada@example.com",
        name: "Ada Lovelace",
        password: "plum tractor yesterday",
    };
    // All that a script can get at: what is stored, the page, and every address that it knows.
    const ALL: &str = "const sdk = 'emulator:common_store/user';
        const {[sdk]: own, ...local} = {...localStorage};
        return Promise.all([indexedDB.databases(), caches.keys()]).then(kept => JSON.stringify([own ?? '', JSON.stringify([
            kept, local, {...sessionStorage}, document.documentElement.outerHTML, location.href, history.state,
            performance.getEntries().map(entry => entry.name)])]))";
    Scenario::default()
        .run(async |stage| {
            stage.system.add_user(&ADA)?;
            stage.page.sign_in(ADA.email, ADA.password).await?;
            stage.page.see(CONNECTED).await?;
            let all = stage.page.script(ALL).await?;
            let (own, others): (String, String) = serde_json::from_str(all.as_str().context("all")?)?;
            ensure!(others.contains("Ada Lovelace"), "the page is in it");

            let tokens = stage.system.tokens(ADA.id).await?;
            ensure!(
                !tokens.is_empty() && tokens.iter().any(|token| own.contains(token)),
                "the SDK has its token"
            );
            let mut secrets = tokens;
            for cookie in stage.page.driver.get_all_cookies().await? {
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
async fn a_page_of_another_origin_can_neither_sign_in_nor_out() -> Result<()> {
    // On the same host, so the browser does send the cookie: only the server can tell the difference.
    // A form needs no permission from CORS, and text/plain is as near to JSON as a form gets.
    fn form(url: &str, name: &str, value: &str) -> String {
        let field = json!({"name": name, "value": value});
        format!(
            "const form = document.createElement('form'), field = document.createElement('input');
             Object.assign(form, {{method: 'post', enctype: 'text/plain', action: '{url}'}});
             Object.assign(field, {field}); form.append(field); document.body.append(form); form.submit()"
        )
    }
    async fn answer(stage: &Stage, script: &str) -> Result<u64> {
        stage.page.script(script).await?;
        let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
        e2e::eventually("the answer to the form", async || {
            let here = stage.page.driver.current_url().await?;
            if here.as_str().starts_with(&stage.system.url("/")) {
                return Ok(stage.page.script(status).await?.as_u64().filter(|status| *status != 0));
            }
            Ok(None)
        })
        .await
    }
    Scenario::default()
        .provokes("Failed to load resource: the server responded with a status of 4")
        .provokes("has been blocked by CORS policy")
        .provokes("net::ERR_FAILED")
        .provokes("net::ERR_BLOCKED_BY_RESPONSE")
        .run(async |stage| {
            let elsewhere = stage.system.emulator_url("/emulator/state");
            let login = stage.system.url(routes::LOGIN);
            let logout = stage.system.url(routes::LOGOUT);

            stage.page.driver.goto(&elsewhere).await?;
            let body = json!({"email": DEMO.email, "password": DEMO.password, "x": ""}).to_string();
            let (name, value) = body.split_at(body.len() - 2);
            assert_eq!(answer(stage, &form(&login, name, value)).await?, 403);
            let cookies = stage.page.driver.get_all_cookies().await?;
            ensure!(cookies.is_empty(), "signed in from elsewhere: {cookies:?}");

            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            stage.page.driver.goto(&elsewhere).await?;
            assert_eq!(answer(stage, &form(&logout, "x", "y")).await?, 403);
            stage.page.driver.goto(&elsewhere).await?;
            let fetch = format!(
                "return fetch('{logout}', {{method: 'POST', mode: 'no-cors', credentials: 'include'}}).then(() => 1, () => 0)"
            );
            stage.page.script(&fetch).await?;

            stage.page.open("/").await?;
            stage.page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn text_does_not_become_a_script_whichever_way_it_comes_into_the_page() -> Result<()> {
    Scenario::default()
        .provokes("This document requires 'Trusted")
        .provokes("Content Security Policy")
        .provokes("Content Security policy")
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.see("#login").await?;
            for way in [
                "const script = document.createElement('script'); script.text = 'window.ran = 1'; document.body.append(script)",
                "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')",
                "document.body.firstElementChild.innerHTML = '<iframe srcdoc=\"<script>parent.ran = 1</script>\"></iframe>'",
                "const script = document.createElement('script'); script.src = 'data:text/javascript,window.ran=1'; document.body.append(script)",
                "trustedTypes.createPolicy('mine', { createScript: (text) => text })",
                "const link = document.createElement('a'); link.href = 'javascript:window.ran=1'; document.body.append(link); link.click()",
            ] {
                let refused = format!("try {{ {way} }} catch (error) {{ return error.name }} return ''");
                let refused = stage.page.script(&refused).await?;
                let ran = "return new Promise(done => setTimeout(() => done(window.ran ?? null)))";
                ensure!(stage.page.script(ran).await?.is_null(), "ran: {way} ({refused})");
            }
            Ok(())
        })
        .await
}
