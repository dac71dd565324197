//! A new password replaces the session, and chat stays connected in every tab.

use crate::register::{GOOD, register};
use e2e::{CONNECTED, Result, Scenario, ensure, eventually};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn new_password_keeps_all_tabs_connected() -> Result<()> {
    Scenario::default()
        // Requests of a tab with the old token.
        .expect_console_error("/v3.0/users/")
        .expect_console_error("/v3.0/me - Failed to load resource: the server responded with a status of 401")
        .run(async |test| {
            let id = register(test, "Ada", "ada@example.com").await?;
            test.page.see(CONNECTED).await?;
            let before = test.env.emulator.tokens(&id).await;
            test.page.driver.new_tab().await?;
            let tabs = test.page.driver.windows().await?;
            test.page.driver.switch_to_window(tabs[1].clone()).await?;
            test.page.open("/account").await?;
            eventually("both tabs to be connected", async || {
                Ok((test.env.emulator.authenticated_sockets(&id).await == 2).then_some(()))
            })
            .await?;

            test.page.fill("#current-password", GOOD).await?;
            test.page.fill("#new-password", "carpet lantern november").await?;
            test.page.click("#change-password button[type=submit]").await?;
            test.page.see("p.notice[role=status][data-done=password-changed]").await?;
            eventually("both tabs to be connected with one new token", async || {
                let tokens = test.env.emulator.tokens(&id).await;
                let sockets = test.env.emulator.authenticated_sockets(&id).await;
                Ok((tokens.len() == 1 && tokens != before && sockets == 2).then_some(()))
            })
            .await?;
            // The event that the browser sends when a tab becomes visible: the page checks its session.
            for tab in &tabs {
                test.page.driver.switch_to_window(tab.clone()).await?;
                test.page.script("document.dispatchEvent(new Event('visibilitychange'))").await?;
                ensure!(!test.page.is_there("#login").await?, "a tab was signed out");
            }
            test.page.see("#sessions li[data-current]").await?;
            test.page.driver.switch_to_window(tabs[0].clone()).await?;
            test.page.see(CONNECTED).await?;
            assert_eq!(test.env.emulator.tokens(&id).await.len(), 1);
            Ok(())
        })
        .await
}
