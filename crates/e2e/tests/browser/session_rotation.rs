//! A new password replaces the session: chat goes on in every tab of the browser.

use crate::register::{CONNECTED, GOOD, register};
use e2e::{Result, Scenario, ensure, eventually};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_new_password_keeps_all_tabs_of_the_browser_connected() -> Result<()> {
    Scenario::default()
        // What a tab was just asking CometChat for with the old token.
        .provokes("/v3.0/users/")
        .provokes("/v3.0/me - Failed to load resource: the server responded with a status of 401")
        .run(async |stage| {
            let id = register(stage, "Ada", "ada@example.com").await?;
            stage.page.see(CONNECTED).await?;
            let before = stage.system.tokens(&id).await?;
            stage.page.driver.new_tab().await?;
            let tabs = stage.page.driver.windows().await?;
            stage.page.driver.switch_to_window(tabs[1].clone()).await?;
            stage.page.open("/account").await?;
            eventually("both tabs to be connected", async || {
                Ok((stage.system.authenticated_sockets(&id).await? == 2).then_some(()))
            })
            .await?;

            stage.page.fill("#current-password", GOOD).await?;
            stage.page.fill("#new-password", "carpet lantern november").await?;
            stage.page.click("#change-password button[type=submit]").await?;
            stage.page.see("p.note[role=status][data-done=password-changed]").await?;
            eventually("both tabs to be connected with one new token", async || {
                let tokens = stage.system.tokens(&id).await?;
                let sockets = stage.system.authenticated_sockets(&id).await?;
                Ok((tokens.len() == 1 && tokens != before && sockets == 2).then_some(()))
            })
            .await?;
            // As when each tab comes back into view: the server is asked who is signed in.
            for tab in &tabs {
                stage.page.driver.switch_to_window(tab.clone()).await?;
                stage.page.script("document.dispatchEvent(new Event('visibilitychange'))").await?;
                ensure!(!stage.page.is_there("#login").await?, "a tab was signed out");
            }
            stage.page.see("#sessions li[data-current]").await?;
            stage.page.driver.switch_to_window(tabs[0].clone()).await?;
            stage.page.see(CONNECTED).await?;
            assert_eq!(stage.system.tokens(&id).await?.len(), 1);
            Ok(())
        })
        .await
}
