//! Names and messages with characters that reorder or hide text, and links that look like others.

use e2e::{CONNECTED, DEMO, GRACE, Result, Scenario, Scheme, ensure, eventually, screenshots};
use serde_json::Value;

/// Returns for each link its target, its text, and whether it is rendered from left to right.
const LINKS: &str = "return [...document.querySelectorAll('#messages .message a')].map(link => {
    const range = document.createRange(), text = link.firstChild;
    const left = at => (range.setStart(text, at), range.setEnd(text, at + 1), range.getBoundingClientRect().left);
    return [link.href, link.textContent, left(0) < left(1) && left(1) < left(9)];
})";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn links_show_their_real_target() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.add_user(&GRACE).await?;
            for text in [
                "\u{202e}https://evil.example/moc.knab",
                "\u{2067}https://evil.example/moc.knab",
                "https://evil.example/\u{202e}gpj.exe",
                "https://bank.example@evil.example/",
                "https://evil.example\\@bank.example/",
                "https://b\u{430}nk.example/",
                "https://honest.example/ö?a=b#c",
            ] {
                test.env.emulator.send_message(GRACE.id, DEMO.id, text).await;
            }
            test.sign_in().await?;
            test.page.click("a[href='/chat/grace']").await?;
            let links = eventually("seven links to be shown", async || {
                let links = test.page.script(LINKS).await?;
                Ok(links.as_array().filter(|links| links.len() == 7).cloned())
            })
            .await?;
            let punycode = "https://xn--bnk-6cd.example/";
            for (link, (href, text)) in links.iter().zip([
                ("https://evil.example/moc.knab", "https://evil.example/moc.knab"),
                ("https://evil.example/moc.knab", "https://evil.example/moc.knab"),
                ("https://evil.example/", "https://evil.example/"),
                ("https://evil.example/", "https://evil.example/"),
                ("https://evil.example/", "https://evil.example"),
                (punycode, punycode),
                ("https://honest.example/%C3%B6?a=b#c", "https://honest.example/ö?a=b#c"),
            ]) {
                assert_eq!((link[0].as_str(), link[1].as_str()), (Some(href), Some(text)));
                assert_eq!(link[2], Value::Bool(true), "{text} is reordered");
            }
            test.page.driver.screenshot(&screenshots()?.join("links.png")).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn names_are_stripped_and_isolated_everywhere() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.add_user(&GRACE).await?;
            test.env.emulator.rename(GRACE.id, "\u{202e}Gr\u{200b}ace\u{1b} דוד").await;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "\u{202e}reversed").await;
            test.sign_in().await?;
            test.page.see(CONNECTED).await?;
            let row = "return document.querySelector(\"a[href='/chat/grace'] .contact-name\").outerHTML";
            eventually("Grace to be listed", async || {
                test.page
                    .is_there("a[href='/chat/grace'] .unread-count")
                    .await
                    .map(|listed| listed.then_some(()))
            })
            .await?;
            assert_eq!(
                test.page.script(row).await?,
                "<bdi translate=\"no\" class=\"contact-name\"><span>Grace דוד</span></bdi>"
            );
            ensure!(
                test.page.is_there("a[href='/chat/grace'] .preview bdi").await?,
                "the preview is isolated"
            );
            let title = "(1) \u{2068}Test User\u{2069} · Chat";
            assert_eq!(test.page.driver.title().await?, title);

            test.page.click("a[href='/chat/grace']").await?;
            test.page.see("#messages .message[dir=auto]").await?;
            assert_eq!(
                test.page.script("return document.querySelector('main h1').innerHTML").await?,
                "<bdi translate=\"no\"><span>Grace דוד</span></bdi>"
            );
            for (element, label) in [("#messages", "Messages with"), ("#message", "Message")] {
                let shown = test.page.see(element).await?.attr("aria-label").await?.unwrap_or_default();
                assert_eq!(shown, format!("{label} \u{2068}Grace דוד\u{2069}"));
            }
            test.page.show_as(320, 640, Scheme::Dark).await?;
            test.page.driver.screenshot(&screenshots()?.join("names-narrow-dark.png")).await?;

            test.page.open("/account").await?;
            test.page.see("#sessions li strong bdi").await?;
            ensure!(test.page.is_there(".card > .subtitle > bdi").await?, "the email address is isolated");
            Ok(())
        })
        .await
}
