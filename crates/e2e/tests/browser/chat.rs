//! Talking: two people in two browsers, and what becomes of messages on a bad line.

use e2e::{DEMO, GRACE, Page, Result, Scenario, Scheme, Stage, ensure, eventually};
use serde_json::json;
use thirtyfour::Key;

const CONNECTED: &str = "#chat-status[data-state=connected]";

/// The demo user and Grace, each in their own browser, looking at each other.
async fn two_people(stage: &Stage) -> Result<Page> {
    stage.system.add_user(&GRACE)?;
    let grace = stage.another_page().await?;
    grace.sign_in(GRACE.email, GRACE.password).await?;
    grace.see(CONNECTED).await?;
    stage.sign_in().await?;
    stage.page.see(CONNECTED).await?;
    stage.page.click("a[href='/chat/grace']").await?;
    stage.page.see("main[data-peer=grace] #message").await?;
    grace.open("/chat/test-user-id").await?;
    grace.see("main[data-peer=test-user-id] #message").await?;
    grace.see(CONNECTED).await?;
    Ok(grace)
}

async fn say(page: &Page, text: &str) -> Result<()> {
    page.fill("#message", text).await?;
    page.press(Key::Enter).await
}

/// The texts on the screen, in their order.
async fn said(page: &Page) -> Result<Vec<String>> {
    let texts = "return [...document.querySelectorAll('#log .msg')].map(m => [...m.childNodes]
        .filter(n => n.nodeName === '#text' || n.nodeName === 'A').map(n => n.textContent).join(''))";
    let texts = page.script(texts).await?;
    Ok(texts.as_array().into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)).collect())
}

async fn eventually_said(page: &Page, expected: &[&str]) -> Result<()> {
    eventually(&format!("{expected:?} to be on the screen"), async || {
        Ok((said(page).await? == expected).then_some(()))
    })
    .await
}

async fn eventually_presence(page: &Page, expected: &str) -> Result<()> {
    eventually(&format!("the other to be {expected}"), async || {
        Ok((page.see("#presence").await?.text().await? == expected).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn two_people_talk_live_with_presence_typing_and_read_marks() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let grace = two_people(stage).await?;
            eventually_presence(&stage.page, "online").await?;
            stage.page.see("#empty-thread").await?;

            stage.page.fill("#message", "Hel").await?;
            eventually_presence(&grace, "typing…").await?;
            say(&stage.page, "Hello Grace").await?;
            eventually_said(&grace, &["Hello Grace"]).await?;
            eventually_presence(&grace, "online").await?;
            stage.page.see("#log .msg.mine[data-state=read]").await?;

            say(&grace, "Hello yourself").await?;
            eventually_said(&stage.page, &["Hello Grace", "Hello yourself"]).await?;
            grace.see("#log .msg.mine[data-state=read]").await?;

            // Somewhere else the message is unread, in the list and in the title.
            stage.page.open("/chat").await?;
            stage.page.see(CONNECTED).await?;
            say(&grace, "Are you there?").await?;
            stage.page.see("a[href='/chat/grace'] .count").await?;
            assert!(stage.page.driver.title().await?.starts_with("(1)"));
            grace.see("#log .msg.mine[data-state=delivered]").await?;
            stage.page.click("a[href='/chat/grace']").await?;
            eventually_said(&stage.page, &["Hello Grace", "Hello yourself", "Are you there?"]).await?;
            stage.page.see_gone("a[href='/chat/grace'] .count").await?;
            grace.see_gone("#log .msg.mine[data-state=delivered]").await?;

            grace.close().await?;
            eventually_presence(&stage.page, "offline").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn who_was_away_has_every_message_once_and_in_order() -> Result<()> {
    Scenario::default()
        .provokes("WebSocket connection to")
        .provokes("net::ERR_")
        .run(async |stage| {
            let grace = two_people(stage).await?;
            say(&grace, "one").await?;
            eventually_said(&stage.page, &["one"]).await?;
            // Every socket is cut, and none opens again for a while.
            let cut = async || {
                stage.system.break_cometchat(json!({"api": "socket", "kind": "drop"})).await?;
                stage.system.cut_sockets(DEMO.id).await?;
                eventually("the page to have noticed", async || {
                    Ok((!stage.page.is_there(CONNECTED).await?).then_some(()))
                })
                .await
            };
            cut().await?;
            for text in ["two", "three"] {
                stage.system.write(GRACE.id, DEMO.id, text).await?;
            }
            assert_eq!(said(&stage.page).await?, ["one"]);
            stage.system.heal_cometchat().await?;
            eventually_said(&stage.page, &["one", "two", "three"]).await?;
            stage.page.see(CONNECTED).await?;
            stage.system.write(GRACE.id, DEMO.id, "four").await?;
            eventually_said(&stage.page, &["one", "two", "three", "four"]).await?;
            // Also in a conversation that is not on the screen, and where the next one comes live.
            stage.page.driver.back().await?;
            stage.page.see_gone("main[data-peer=grace]").await?;
            cut().await?;
            stage.system.write(GRACE.id, DEMO.id, "five").await?;
            stage.system.heal_cometchat().await?;
            stage.page.see(CONNECTED).await?;
            stage.system.write(GRACE.id, DEMO.id, "six").await?;
            eventually("the last one to be in the list", async || {
                Ok(stage.page.see("#conversations").await?.text().await?.contains("six").then_some(()))
            })
            .await?;
            stage.page.click("a[href='/chat/grace']").await?;
            let all = ["one", "two", "three", "four", "five", "six"];
            eventually_said(&stage.page, &all).await?;
            stage.page.driver.refresh().await?;
            eventually_said(&stage.page, &all).await?;
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn nothing_that_was_typed_is_lost() -> Result<()> {
    Scenario::default()
        .provokes("/v3.0/messages")
        .run(async |stage| {
            let grace = two_people(stage).await?;
            stage.page.fill("#message", "not yet finished").await?;
            stage.page.driver.refresh().await?;
            eventually("the draft to be there again", async || {
                let field = stage.page.see("#message").await?;
                Ok((field.prop("value").await?.as_deref() == Some("not yet finished")).then_some(()))
            })
            .await?;
            stage.page.see(CONNECTED).await?;

            // Refused, it stays in sight, also over a reload.
            let refused = json!({"api": "client", "method": "POST", "path": "/messages", "kind": "status",
                                 "status": 500, "code": "ERR", "times": 1});
            stage.system.break_cometchat(refused).await?;
            say(&stage.page, "first").await?;
            stage.page.see("#log .msg.failed").await?;
            stage.page.driver.refresh().await?;
            stage.page.see("#log .msg.failed").await?;
            stage.page.see(CONNECTED).await?;
            stage.page.click(".retry button").await?;
            stage.page.see_gone("#log .msg.failed").await?;
            eventually_said(&grace, &["first"]).await?;

            // Given up although it arrives in the end, it must not arrive twice.
            let late = json!({"api": "client", "method": "POST", "path": "/messages", "kind": "delay",
                              "millis": 11_000, "times": 1});
            stage.system.break_cometchat(late).await?;
            say(&stage.page, "second").await?;
            stage.page.see("#log .msg.failed").await?;
            eventually_said(&grace, &["first", "second"]).await?;
            stage.page.click(".retry button").await?;
            stage.page.see_gone("#log .msg.failed").await?;
            say(&stage.page, "third").await?;
            eventually_said(&grace, &["first", "second", "third"]).await?;
            eventually_said(&stage.page, &["first", "second", "third"]).await?;
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn text_is_text_links_are_safe_and_lines_are_kept() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let grace = two_people(stage).await?;
            stage.page.fill("#message", "<img src=x onerror=alert(1)>").await?;
            stage.page.see("#message").await?.send_keys(Key::Shift + Key::Enter).await?;
            stage.page.press("javascript:alert(1) https://example.com/a.").await?;
            stage.page.press(Key::Enter).await?;
            eventually_said(
                &grace,
                &["<img src=x onerror=alert(1)>\njavascript:alert(1) https://example.com/a."],
            )
            .await?;
            assert!(!grace.is_there("#log img").await?);
            let link = grace.see("#log .msg a").await?;
            assert_eq!(link.attr("href").await?.as_deref(), Some("https://example.com/a"));
            assert!(link.attr("rel").await?.unwrap_or_default().contains("noopener"));
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_second_tab_of_the_same_user_shows_the_same() -> Result<()> {
    Scenario::default()
        // The SDK of the second tab signs out with a token that the first has revoked.
        .provokes("/v3.0/me - Failed to load resource: the server responded with a status of 401")
        .run(async |stage| {
            let grace = two_people(stage).await?;
            stage.page.driver.new_tab().await?;
            let tabs = stage.page.driver.windows().await?;
            stage.page.driver.switch_to_window(tabs[1].clone()).await?;
            stage.page.open("/chat/grace").await?;
            stage.page.see(CONNECTED).await?;
            say(&stage.page, "from the second tab").await?;
            stage.page.driver.switch_to_window(tabs[0].clone()).await?;
            eventually_said(&stage.page, &["from the second tab"]).await?;
            stage.page.see("#log .msg.mine").await?;
            eventually_said(&grace, &["from the second tab"]).await?;

            // What is read in one is read in the other.
            for tab in &tabs {
                stage.page.driver.switch_to_window(tab.clone()).await?;
                stage.page.open("/chat").await?;
                stage.page.see(CONNECTED).await?;
            }
            say(&grace, "for both tabs").await?;
            for tab in &tabs {
                stage.page.driver.switch_to_window(tab.clone()).await?;
                stage.page.see("a[href='/chat/grace'] .count").await?;
            }
            stage.page.click("a[href='/chat/grace']").await?;
            eventually_said(&stage.page, &["from the second tab", "for both tabs"]).await?;
            stage.page.driver.switch_to_window(tabs[0].clone()).await?;
            stage.page.see_gone("a[href='/chat/grace'] .count").await?;

            // Signing out in one tab reaches the other.
            stage.page.click("#sign-out").await?;
            stage.page.see("#login").await?;
            stage.page.driver.switch_to_window(tabs[1].clone()).await?;
            stage.page.see("#login").await?;
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn on_a_narrow_screen_the_way_back_leads_to_the_list_as_it_was_left() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let page = &stage.page;
            stage.system.add_user(&GRACE)?;
            eventually("Grace to be at CometChat", async || stage.system.name(GRACE.id).await).await?;
            page.show_as(390, 760, Scheme::Light).await?;
            stage.sign_in().await?;
            page.see(CONNECTED).await?;
            page.fill("#search", "zzz").await?;
            eventually("the search to end", async || {
                Ok((page.see(".list .empty").await?.text().await? == "Nobody is called that.").then_some(()))
            })
            .await?;
            page.fill("#search", "grac").await?;
            page.click("a[href='/chat/grace']").await?;
            page.see("#message").await?;
            page.click("a.back").await?;
            page.see("[data-pane=list]").await?;
            assert_eq!(page.see("#search").await?.prop("value").await?.as_deref(), Some("grac"));
            let focus = page.script("return document.activeElement.textContent").await?;
            assert_eq!(focus, "Test User", "what the page is about is told, and Tab goes on from there");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_long_thread_is_read_page_by_page_and_keeps_its_place() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.system.add_user(&GRACE)?;
            eventually("Grace to be at CometChat", async || stage.system.name(GRACE.id).await).await?;
            stage.sign_in().await?;
            stage.page.see("a[href='/chat/grace']").await?;
            for number in 1..=180 {
                stage.system.write(GRACE.id, DEMO.id, &format!("number {number}")).await?;
            }
            stage.page.click("a[href='/chat/grace']").await?;
            let last = async |expected: &str| {
                eventually(&format!("{expected} to be last"), async || {
                    Ok((said(&stage.page).await?.last().map(String::as_str) == Some(expected)).then_some(()))
                })
                .await
            };
            last("number 180").await?;
            let end = "const log = document.getElementById('log');
                return log.scrollHeight - log.scrollTop - log.clientHeight";
            eventually("the end to be in sight", async || {
                Ok((stage.page.script(end).await?.as_f64().unwrap_or(999.0) < 5.0).then_some(()))
            })
            .await?;
            ensure!(said(&stage.page).await?.len() < 100, "only what is looked at is in the page");
            eventually("the first message to be reached by scrolling up", async || {
                stage.page.script("document.getElementById('log').scrollTop = 0").await?;
                Ok((said(&stage.page).await?.first().map(String::as_str) == Some("number 1")).then_some(()))
            })
            .await?;
            let texts = said(&stage.page).await?;
            assert_eq!(texts, (1..=180).map(|number| format!("number {number}")).collect::<Vec<_>>());
            // Somebody who reads above is not torn away by a new message.
            stage.page.script("document.getElementById('log').scrollTop = 2000").await?;
            stage.system.write(GRACE.id, DEMO.id, "number 181").await?;
            last("number 181").await?;
            let top = stage.page.script("return document.getElementById('log').scrollTop").await?;
            ensure!((top.as_f64().unwrap_or_default() - 2000.0).abs() < 2.0, "moved to {top}");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_newcomer_finds_people_a_history_and_a_bot_that_answers() -> Result<()> {
    Scenario::default()
        .populated()
        .provokes("/v3.0/users/no-such-person")
        .run(async |stage| {
            stage.sign_in().await?;
            stage.page.see("#conversations a[href='/chat/grace'] .count").await?;
            stage.page.fill("#search", "echo").await?;
            stage.page.see_gone("a[href='/chat/grace']").await?;
            stage.page.click("a[href='/chat/echo-bot']").await?;
            stage.page.see("#log .msg").await?;
            say(&stage.page, "Is anybody there?").await?;
            eventually_presence(&stage.page, "typing…").await?;
            eventually("the bot to answer", async || {
                let said = said(&stage.page).await?;
                Ok((said.iter().filter(|text| *text == "Is anybody there?").count() == 2).then_some(()))
            })
            .await?;
            stage.page.see("#log .msg.mine[data-state=read]").await?;
            stage.page.open("/chat/no-such-person").await?;
            stage.page.see("#nobody").await?;
            stage.page.open("/chat/Not%20A%20Uid").await?;
            stage.page.see("main[data-page=not-found]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn a_token_revoked_in_mid_conversation_heals_by_itself() -> Result<()> {
    Scenario::default()
        .provokes("the server responded with a status of 401")
        .provokes("WebSocket connection to")
        // The SDK's telemetry handles no refusal.
        .provokes("/chat/grace 0:0")
        .run(async |stage| {
            let grace = two_people(stage).await?;
            say(&stage.page, "before").await?;
            eventually_said(&grace, &["before"]).await?;
            let old = stage.system.tokens(DEMO.id).await?;
            for token in &old {
                stage.system.revoke(DEMO.id, token).await?;
            }
            eventually("another token to be in use", async || {
                let new = stage.system.tokens(DEMO.id).await?;
                let online = stage.system.authenticated_sockets(DEMO.id).await? == 1;
                Ok((online && new.len() == 1 && new != old).then_some(()))
            })
            .await?;
            stage.page.see(CONNECTED).await?;
            say(&stage.page, "after").await?;
            eventually_said(&grace, &["before", "after"]).await?;
            say(&grace, "indeed").await?;
            eventually_said(&stage.page, &["before", "after", "indeed"]).await?;
            grace.close().await
        })
        .await
}
