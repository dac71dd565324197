//! Takes the README's pictures: `make pictures`. Not part of the tests, since it writes into docs/.

use e2e::{Result, Scenario, Scheme};
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes docs/pictures: make pictures"]
async fn the_login_page() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.page.show_as(1000, 760, Scheme::Light).await?;
            stage.page.open("/").await?;
            stage.page.see("#login").await?;
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures");
            std::fs::create_dir_all(&folder)?;
            Ok(stage.page.driver.screenshot(&folder.join("login.png")).await?)
        })
        .await
}
