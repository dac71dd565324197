//! The prerendered form, until the program runs.

use e2e::{CONNECTED, DEMO, Result, Scenario, ensure, eventually};

/// Delays the programs of new documents until `letGo()` is called.
const HOLD: &str = "const real = window.fetch;
    const held = new Promise(go => window.letGo = go);
    window.fetch = (...what) => held.then(() => real(...what));";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn text_typed_before_replacement_is_kept_and_not_sent() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            page.before_every_page(HOLD).await?;
            page.driver.goto(test.url("/")).await?;
            page.fill("#email", DEMO.email).await?;
            page.fill("#password", DEMO.password).await?;
            // The disabled button keeps Enter from sending the form, with the password in the URL.
            page.press(thirtyfour::Key::Enter).await?;
            page.press(thirtyfour::Key::Left).await?;
            ensure!(
                page.is_there("#login button:disabled").await?,
                "the program ran before the form was filled in"
            );
            page.script("letGo()").await?;
            page.see("#login button:enabled").await?;
            assert_eq!(page.see("#email").await?.prop("value").await?.as_deref(), Some(DEMO.email));
            assert_eq!(page.focus().await?, "password");
            let caret = page.script("return document.activeElement.selectionStart").await?;
            assert_eq!(caret, DEMO.password.len() - 1);
            assert_eq!(page.driver.current_url().await?.query(), None);
            page.click("#login button[type=submit]").await?;
            page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn missing_program_shows_fatal_error_with_reload() -> Result<()> {
    Scenario::default()
        .expect_console_error("net::ERR_BLOCKED_BY_CLIENT")
        .run(async |test| {
            let page = &test.page;
            page.block(&["*.wasm"]).await?;
            page.driver.goto(test.url("/")).await?;
            page.see("#fatal-error").await?;
            page.block(&[]).await?;
            page.click("#fatal-error a").await?;
            page.see("#login button:enabled").await?;
            ensure!(
                !page.is_there("#fatal-error:not([hidden])").await?,
                "the error is shown although everything is loaded"
            );
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn app_launch_failure_shows_fatal_error() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            page.open("/").await?;
            let failing_app = "importModule = (address) => import(address).then((program) => ({
                default: program.default,
                launch() { throw new WebAssembly.RuntimeError('unreachable'); },
            }))";
            page.script(failing_app).await?;
            page.submit(DEMO.email, DEMO.password).await?;
            page.see("#fatal-error").await?;
            page.click("#fatal-error a").await?;
            page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn wasm_panic_shows_fatal_error_and_other_errors_do_not() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            for event in [
                "new ErrorEvent('error', {error})",
                "new PromiseRejectionEvent('unhandledrejection', {promise, reason: error})",
            ] {
                page.open("/").await?;
                page.see("#login button:enabled").await?;
                let is_shown = async |error: &str| {
                    let dispatch = format!(
                        "const error = new {error}('x'), promise = Promise.resolve(); dispatchEvent({event});
                         return !document.getElementById('fatal-error').hidden"
                    );
                    Ok::<_, anyhow::Error>(page.script(&dispatch).await? == true)
                };
                ensure!(!is_shown("Error").await?, "shown for another error: {event}");
                ensure!(is_shown("WebAssembly.RuntimeError").await?, "not shown: {event}");
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn invalid_cookie_still_shows_the_register_form() -> Result<()> {
    Scenario::default()
        .expect_console_error("net::ERR_BLOCKED_BY_CLIENT")
        .expect_console_error("401")
        .run(async |test| {
            let page = &test.page;
            page.open("/").await?;
            // The server chooses the page by the presence of the cookie, without checking it.
            page.driver.add_cookie(thirtyfour::Cookie::new("cometchat-auth-3000", "A".repeat(43))).await?;
            page.block(&["*/app-*"]).await?;
            page.open("/register").await?;
            page.see("#register button:enabled").await?;
            page.block(&[]).await?;
            Ok(())
        })
        .await
}

/// After an upgrade, the files that the open page names do not exist anymore.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn form_opened_before_an_upgrade_loads_the_new_app() -> Result<()> {
    Scenario::default()
        .expect_console_error("/app-0000000000000000")
        .expect_console_error("Failed to fetch dynamically imported module")
        .run(async |test| {
            let page = &test.page;
            page.open("/").await?;
            page.see("#login button:enabled").await?;
            page.script("document.querySelector('meta[name=app]').content = '/app-0000000000000000.js'")
                .await?;
            test.submit(DEMO.email, DEMO.password).await?;
            page.see("[data-page=chat]").await?;
            page.see(CONNECTED).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn form_replacement_causes_no_layout_shift() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            let watch = "window.shift = 0; new PerformanceObserver((list) => {
                    for (const entry of list.getEntries()) window.shift += entry.value;
                }).observe({type: 'layout-shift', buffered: true})";
            page.before_every_page(watch).await?;
            for (path, settled) in
                [("/", "#login button:enabled"), ("/register", "#register:has(button:enabled) .hint")]
            {
                page.open(path).await?;
                page.see(settled).await?;
                if path == "/register" {
                    eventually("the rule for passwords to be said", async || {
                        let hint = page.see(".hint").await?.text().await?;
                        Ok(hint.starts_with("At least").then_some(()))
                    })
                    .await?;
                }
                // After two frames everything is painted and counted.
                let frames = "return new Promise(done =>
                    requestAnimationFrame(() => requestAnimationFrame(() => done(window.shift))))";
                let shift = page.script(frames).await?.as_f64().unwrap_or(1.0);
                ensure!(shift < 0.001, "{path} shifts by {shift}");
            }
            Ok(())
        })
        .await
}
