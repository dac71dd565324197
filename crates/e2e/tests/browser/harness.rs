//! The test harness: it must fail a test whose console has errors.

use e2e::{Result, Scenario, screenshots};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn csp_violation_fails_a_test_and_keeps_artifacts() -> Result<()> {
    let outcome = Scenario::default()
        .run(async |test| {
            test.page.open("/").await?;
            test.page.see("#login").await?;
            let elsewhere = "const image = new Image(); image.src = 'http://localhost:9/x.png'; return image.decode().then(() => 1, () => 0)";
            assert_eq!(test.page.script(elsewhere).await?, 0);
            Ok(())
        })
        .await;
    let message = outcome.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("Content Security Policy"), "{message}");

    let artifacts = screenshots()?.with_file_name("csp_violation_fails_a_test_and_keeps_artifacts");
    for file in ["page.png", "page.html", "console.txt", "server.log", "emulator.log"] {
        assert!(artifacts.join(file).metadata()?.len() > 0, "{file}");
    }
    Ok(std::fs::remove_dir_all(artifacts)?)
}
