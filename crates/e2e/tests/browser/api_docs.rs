//! The page that describes the API, and on which it can be tried.

use e2e::{Result, Scenario, ensure, eventually};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn the_api_is_described_and_can_be_tried_on_a_page() -> Result<()> {
    Scenario::default()
        .setting("PUBLIC_URL", "http://127.0.0.1/team/chat")
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.open("/api/docs").await?;
            stage.page.see("#operations-Sessions-session").await?.click().await?;
            stage.page.see(".try-out__btn").await?.click().await?;
            stage.page.see(".execute").await?.click().await?;
            eventually("the answer for who is signed in", async || {
                let answer = stage.page.see(".live-responses-table .highlight-code").await?.text().await?;
                Ok(answer.contains("test@example.com").then_some(()))
            })
            .await?;
            ensure!(stage.page.driver.title().await?.contains("API"), "the title");
            Ok(())
        })
        .await
}
