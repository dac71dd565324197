//! Names and messages with characters that reorder or hide text, and links that look like others.

use e2e::{DEMO, GRACE, Result, Scenario, Scheme, ensure, eventually, pictures};
use serde_json::Value;

const CONNECTED: &str = "#chat-status[data-state=connected]";

/// Of each link of the conversation: its target, its text, and whether it is drawn from left to right.
const LINKS: &str = "return [...document.querySelectorAll('#log .msg a')].map(link => {
    const range = document.createRange(), text = link.firstChild;
    const left = at => (range.setStart(text, at), range.setEnd(text, at + 1), range.getBoundingClientRect().left);
    return [link.href, link.textContent, left(0) < left(1) && left(1) < left(9)];
})";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn links_show_where_they_lead_whatever_is_around_them() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.system.add_user(&GRACE)?;
            eventually("Grace to be at CometChat", async || stage.system.name(GRACE.id).await).await?;
            for text in [
                "\u{202e}https://evil.example/moc.knab",
                "\u{2067}https://evil.example/moc.knab",
                "https://evil.example/\u{202e}gpj.exe",
                "https://bank.example@evil.example/",
                "https://evil.example\\@bank.example/",
                "https://b\u{430}nk.example/",
                "https://honest.example/ö?a=b#c",
            ] {
                stage.system.write(GRACE.id, DEMO.id, text).await?;
            }
            stage.sign_in().await?;
            stage.page.click("a[href='/chat/grace']").await?;
            let links = eventually("seven links to be shown", async || {
                let links = stage.page.script(LINKS).await?;
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
            stage.page.driver.screenshot(&pictures()?.join("links.png")).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn names_are_stripped_and_isolated_wherever_they_appear() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.system.add_user(&GRACE)?;
            eventually("Grace to be at CometChat", async || stage.system.name(GRACE.id).await).await?;
            stage.system.rename_at_cometchat(GRACE.id, "\u{202e}Gr\u{200b}ace\u{1b} דוד").await?;
            stage.system.write(GRACE.id, DEMO.id, "\u{202e}reversed").await?;
            stage.sign_in().await?;
            stage.page.see(CONNECTED).await?;
            let row = "return document.querySelector(\"a[href='/chat/grace'] .who\").outerHTML";
            eventually("Grace to be listed", async || {
                stage.page.is_there("a[href='/chat/grace'] .count").await.map(|listed| listed.then_some(()))
            })
            .await?;
            assert_eq!(stage.page.script(row).await?, "<bdi class=\"who\">Grace דוד</bdi>");
            ensure!(stage.page.is_there("a[href='/chat/grace'] .last bdi").await?, "the preview is isolated");
            let title = "(1) \u{2068}Test User\u{2069} · Chat";
            assert_eq!(stage.page.driver.title().await?, title);

            stage.page.click("a[href='/chat/grace']").await?;
            stage.page.see("#log .msg[dir=auto]").await?;
            assert_eq!(
                stage.page.script("return document.querySelector('main h1').innerHTML").await?,
                "<bdi>Grace דוד</bdi>"
            );
            for (element, label) in [("#log", "Messages with"), ("#message", "Write to")] {
                let shown = stage.page.see(element).await?.attr("aria-label").await?.unwrap_or_default();
                assert_eq!(shown, format!("{label} \u{2068}Grace דוד\u{2069}"));
            }
            stage.page.show_as(320, 640, Scheme::Dark).await?;
            stage.page.driver.screenshot(&pictures()?.join("names-narrow-dark.png")).await?;

            stage.page.open("/account").await?;
            stage.page.see("#sessions li strong bdi").await?;
            ensure!(stage.page.is_there(".card > .sub > bdi").await?, "the email address is isolated");
            Ok(())
        })
        .await
}
