//! The app under a path of a shared host.

use e2e::{CONNECTED, Result, Scenario, ensure, eventually};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn app_works_under_a_base_path() -> Result<()> {
    Scenario::default()
        .setting("PUBLIC_URL", "http://127.0.0.1/team/chat")
        .populated()
        .run(async |test| {
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let cookies = test.page.driver.get_all_cookies().await?;
            ensure!(cookies.len() == 2, "{cookies:?}");
            ensure!(cookies.iter().all(|cookie| cookie.path.as_deref() == Some("/team/chat")), "{cookies:?}");

            test.page.see("a[href='/team/chat/account']").await?.click().await?;
            test.page.see("[data-page=account]").await?;
            test.page.driver.refresh().await?;
            test.page.see("[data-page=account]").await?;
            test.page.driver.back().await?;
            test.page.see("[data-page=chat]").await?;

            test.page.see("#sign-out").await?.click().await?;
            test.page.see("#login").await?;
            eventually("the address to be the base's own", async || {
                let address = test.page.driver.current_url().await?;
                Ok(address.path().starts_with("/team/chat").then_some(()))
            })
            .await
        })
        .await
}
