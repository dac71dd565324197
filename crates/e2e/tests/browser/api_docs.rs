//! The Swagger UI of the API.

use e2e::{Result, Scenario, ensure, eventually};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn api_docs_page_can_call_the_api() -> Result<()> {
    Scenario::default()
        .setting("PUBLIC_URL", "http://127.0.0.1/team/chat")
        .run(async |test| {
            test.sign_in().await?;
            test.page.open("/api/docs").await?;
            test.page.see("#operations-Sessions-session").await?.click().await?;
            test.page.see(".try-out__btn").await?.click().await?;
            test.page.see(".execute").await?.click().await?;
            eventually("the answer for who is signed in", async || {
                let response = test.page.see(".live-responses-table .highlight-code").await?.text().await?;
                Ok(response.contains("test@example.com").then_some(()))
            })
            .await?;
            ensure!(test.page.driver.title().await?.contains("API"), "the title");
            Ok(())
        })
        .await
}
