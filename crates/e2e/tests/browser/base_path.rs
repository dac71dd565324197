//! The page under a path of a host that it shares with others.

use e2e::{Result, Scenario, ensure, eventually};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn everything_works_under_a_path() -> Result<()> {
    Scenario::default()
        .setting("PUBLIC_URL", "http://127.0.0.1/team/chat")
        .populated()
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see("#chat-status[data-state=connected]").await?;
            let cookies = stage.page.driver.get_all_cookies().await?;
            ensure!(cookies.len() == 2, "{cookies:?}");
            ensure!(cookies.iter().all(|cookie| cookie.path.as_deref() == Some("/team/chat")), "{cookies:?}");

            stage.page.see("a[href='/team/chat/account']").await?.click().await?;
            stage.page.see("[data-page=account]").await?;
            stage.page.driver.refresh().await?;
            stage.page.see("[data-page=account]").await?;
            stage.page.driver.back().await?;
            stage.page.see("[data-page=chat]").await?;

            stage.page.see("#sign-out").await?.click().await?;
            stage.page.see("#login").await?;
            eventually("the address to be the base's own", async || {
                let address = stage.page.driver.current_url().await?;
                Ok(address.path().starts_with("/team/chat").then_some(()))
            })
            .await
        })
        .await
}
