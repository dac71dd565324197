//! The example of an app with its own login and its own page: `docs/examples/express`.

use e2e::{Page, Result, Scenario, TestContext, ensure, eventually};
use std::path::Path;
use test_support::{Process, command};

const KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";

/// Starts the app, and allows its origin.
fn start_app(test: &mut TestContext) -> Result<Process> {
    let mut app = command("node");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/express");
    ensure!(folder.join("node_modules").is_dir(), "needs the example's packages: run scripts/setup examples");
    app.current_dir(folder).arg("server.js");
    app.env("PORT", "0").env("CHAT_URL", test.url("")).env("ASSERTION_KEY", KEY);
    let log = test.env.log.with_file_name("app.log");
    let app = Process::start(app, &log)?;
    test.env.settings.push(("ALLOWED_ORIGINS", app.url.clone()));
    test.env.settings.push(("ASSERTION_KEY", KEY.to_owned()));
    test.env.kill();
    test.env.start();
    Ok(app)
}

async fn log_in(page: &Page, app: &Process, email: &str) -> Result<()> {
    page.driver.goto(&app.url).await?;
    page.fill("input[name=email]", email).await?;
    page.click("#login button").await
}

async fn eventually_shows(page: &Page, selector: &str, text: &str) -> Result<()> {
    eventually(text, async || {
        let shown = page.see(selector).await?.text().await?;
        Ok(shown.contains(text).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn express_app_logs_its_users_in_to_chat() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let app = start_app(test)?;
            let ben = test.another_page().await?;
            log_in(&test.page, &app, "ann@example.com").await?;
            log_in(&ben, &app, "ben@example.com").await?;
            eventually_shows(&test.page, "#status", "Connected as Ann").await?;
            eventually_shows(&ben, "#status", "Connected as Ben").await?;
            test.page.fill("input[name=to]", "2").await?;
            test.page.fill("input[name=text]", "Hello Ben").await?;
            test.page.click("#send button").await?;
            eventually_shows(&test.page, "#messages li", "Ann: Hello Ben").await?;
            eventually_shows(&ben, "#messages li", "Ann: Hello Ben").await?;

            test.page.click("#logout").await?;
            test.page.see("#login button").await?;
            eventually("the token to be revoked", async || {
                Ok(test.env.emulator.tokens("1").await.is_empty().then_some(()))
            })
            .await?;
            assert_eq!(test.env.emulator.tokens("2").await.len(), 1);
            ben.close().await
        })
        .await
}
