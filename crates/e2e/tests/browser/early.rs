//! The form before it is live: it comes with the page, and its program after it.

use e2e::{DEMO, Result, Scenario, ensure, eventually};

/// Lets no program start in what is opened from now on before `letGo()`.
const HOLD: &str = "const real = window.fetch;
    const held = new Promise(go => window.letGo = go);
    window.fetch = (...what) => held.then(() => real(...what));";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn what_is_typed_before_the_form_is_live_is_kept_and_goes_nowhere() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let page = &stage.page;
            page.before_every_page(HOLD).await?;
            page.driver.goto(stage.system.url("/")).await?;
            page.fill("#email", DEMO.email).await?;
            page.fill("#password", DEMO.password).await?;
            // Enter sends no form whose button is disabled: least of all with the password in the address.
            page.press(thirtyfour::Key::Enter).await?;
            page.press(thirtyfour::Key::Left).await?;
            ensure!(
                page.is_there("#login button:disabled").await?,
                "the form was live before it was filled in"
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
async fn a_program_that_does_not_come_is_told_with_a_way_out() -> Result<()> {
    Scenario::default()
        .provokes("net::ERR_BLOCKED_BY_CLIENT")
        .run(async |stage| {
            let page = &stage.page;
            page.block(&["*.wasm"]).await?;
            page.driver.goto(stage.system.url("/")).await?;
            page.see("#late").await?;
            page.block(&[]).await?;
            page.click("#late a").await?;
            page.see("#login button:enabled").await?;
            ensure!(!page.is_there("#late:not([hidden])").await?, "told although all is there");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_program_that_fails_is_told_with_a_way_out() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let page = &stage.page;
            page.open("/").await?;
            let chat_that_fails = "importModule = (address) => import(address).then((program) => ({
                default: program.default,
                enter() { throw new WebAssembly.RuntimeError('unreachable'); },
            }))";
            page.script(chat_that_fails).await?;
            page.submit(DEMO.email, DEMO.password).await?;
            page.see("#late").await?;
            page.click("#late a").await?;
            page.see("[data-page=chat]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_program_that_fails_later_is_told_too_and_a_script_of_somebody_else_is_not() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let page = &stage.page;
            for event in [
                "new ErrorEvent('error', {error})",
                "new PromiseRejectionEvent('unhandledrejection', {promise, reason: error})",
            ] {
                page.open("/").await?;
                page.see("#login button:enabled").await?;
                let is_told = async |error: &str| {
                    let tell = format!(
                        "const error = new {error}('x'), promise = Promise.resolve(); dispatchEvent({event});
                         return !document.getElementById('late').hidden"
                    );
                    Ok::<_, anyhow::Error>(page.script(&tell).await? == true)
                };
                ensure!(!is_told("Error").await?, "told of what does not matter: {event}");
                ensure!(is_told("WebAssembly.RuntimeError").await?, "not told: {event}");
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn another_form_that_does_not_come_is_told_with_a_way_out() -> Result<()> {
    Scenario::default()
        .provokes("net::ERR_BLOCKED_BY_CLIENT")
        .provokes("401")
        .run(async |stage| {
            let page = &stage.page;
            page.open("/").await?;
            // The server has not yet looked whether the session is any good when it chooses the page.
            page.driver.add_cookie(thirtyfour::Cookie::new("cometchat-auth", "A".repeat(43))).await?;
            page.block(&["*register*.wasm"]).await?;
            page.driver.goto(stage.system.url("/register")).await?;
            page.see("#late").await?;
            page.block(&[]).await?;
            page.click("#late a").await?;
            page.see("#register button:enabled").await?;
            Ok(())
        })
        .await
}

/// As after an upgrade: what the open page has a name for is not there any more.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_form_that_was_open_over_an_upgrade_leads_into_the_chat_of_the_new_version() -> Result<()> {
    Scenario::default()
        .provokes("/chat-0000000000000000")
        .provokes("Failed to fetch dynamically imported module")
        .run(async |stage| {
            let page = &stage.page;
            page.open("/").await?;
            page.see("#login button:enabled").await?;
            page.script("document.querySelector('meta[name=chat]').content = '/chat-0000000000000000.js'")
                .await?;
            stage.submit(DEMO.email, DEMO.password).await?;
            page.see("[data-page=chat]").await?;
            page.see("#chat-status[data-state=connected]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn nothing_moves_when_the_form_becomes_live() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let page = &stage.page;
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
                // Two frames later everything is painted and counted.
                let frames = "return new Promise(done =>
                    requestAnimationFrame(() => requestAnimationFrame(() => done(window.shift))))";
                let shift = page.script(frames).await?.as_f64().unwrap_or(1.0);
                ensure!(shift < 0.001, "{path} shifts by {shift}");
            }
            Ok(())
        })
        .await
}
