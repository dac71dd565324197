//! The harness itself: the other tests rely on it to fail when something is wrong.

use e2e::{Result, Scenario, pictures};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_violation_of_the_content_security_policy_fails_a_test_and_leaves_evidence() -> Result<()> {
    let outcome = Scenario::default()
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.see("#login").await?;
            let elsewhere = "const image = new Image(); image.src = 'http://localhost:9/x.png'; return image.decode().then(() => 1, () => 0)";
            assert_eq!(stage.page.script(elsewhere).await?, 0);
            Ok(())
        })
        .await;
    let told = outcome.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("Content Security Policy"), "{told}");

    let evidence = pictures()?
        .with_file_name("a_violation_of_the_content_security_policy_fails_a_test_and_leaves_evidence");
    for file in ["page.png", "page.html", "console.txt", "server.log", "emulator.log"] {
        assert!(evidence.join(file).metadata()?.len() > 0, "{file}");
    }
    Ok(std::fs::remove_dir_all(evidence)?)
}
