//! Conversations: two users in two browsers, and lost connections.

use e2e::{CONNECTED, DEMO, GRACE, Page, Result, Scenario, Scheme, TestContext, ensure, eventually};
use serde_json::json;
use thirtyfour::Key;

/// Opens the conversation of the demo user and Grace in a browser for each.
async fn open_conversation(test: &TestContext) -> Result<Page> {
    test.add_user(&GRACE).await?;
    let grace = test.another_page().await?;
    grace.sign_in(GRACE.email, GRACE.password).await?;
    grace.see(CONNECTED).await?;
    test.sign_in().await?;
    test.page.see(CONNECTED).await?;
    test.page.click("a[href='/chat/grace']").await?;
    test.page.see("main[data-peer=grace] #message").await?;
    grace.open("/chat/test-user-id").await?;
    grace.see("main[data-peer=test-user-id] #message").await?;
    grace.see(CONNECTED).await?;
    Ok(grace)
}

async fn send(page: &Page, text: &str) -> Result<()> {
    page.fill("#message", text).await?;
    page.press(Key::Enter).await
}

/// Returns the texts of the messages on the screen.
async fn shown_texts(page: &Page) -> Result<Vec<String>> {
    let texts = "return [...document.querySelectorAll('#messages .message')].map(m => [...m.childNodes]
        .filter(n => n.nodeName === '#text' || n.nodeName === 'A').map(n => n.textContent).join(''))";
    let texts = page.script(texts).await?;
    Ok(texts.as_array().into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)).collect())
}

async fn eventually_shows(page: &Page, expected: &[&str]) -> Result<()> {
    eventually(&format!("{expected:?} to be on the screen"), async || {
        Ok((shown_texts(page).await? == expected).then_some(()))
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
async fn two_users_chat_with_presence_typing_and_receipts() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let grace = open_conversation(test).await?;
            eventually_presence(&test.page, "online").await?;
            test.page.see("#empty-conversation").await?;

            test.page.fill("#message", "Hel").await?;
            eventually_presence(&grace, "typing…").await?;
            send(&test.page, "Hello Grace").await?;
            eventually_shows(&grace, &["Hello Grace"]).await?;
            eventually_presence(&grace, "online").await?;
            test.page.see("#messages .message.mine[data-state=read]").await?;

            send(&grace, "Hello yourself").await?;
            eventually_shows(&test.page, &["Hello Grace", "Hello yourself"]).await?;
            grace.see("#messages .message.mine[data-state=read]").await?;

            // On another page the message is unread, in the list and in the title.
            test.page.open("/chat").await?;
            test.page.see(CONNECTED).await?;
            send(&grace, "Are you there?").await?;
            test.page.see("a[href='/chat/grace'] .unread-count").await?;
            assert!(test.page.driver.title().await?.starts_with("(1)"));
            grace.see("#messages .message.mine[data-state=delivered]").await?;
            test.page.click("a[href='/chat/grace']").await?;
            eventually_shows(&test.page, &["Hello Grace", "Hello yourself", "Are you there?"]).await?;
            test.page.see_gone("a[href='/chat/grace'] .unread-count").await?;
            grace.see_gone("#messages .message.mine[data-state=delivered]").await?;

            grace.close().await?;
            eventually_presence(&test.page, "offline").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn reconnect_delivers_each_message_once_in_order() -> Result<()> {
    Scenario::default()
        .expect_console_error("WebSocket connection to")
        .expect_console_error("net::ERR_")
        .run(async |test| {
            let grace = open_conversation(test).await?;
            send(&grace, "one").await?;
            eventually_shows(&test.page, &["one"]).await?;
            // Closes every socket, and lets none open again.
            let cut = async || {
                test.env.emulator.add_fault(json!({"api": "socket", "kind": "drop"})).await;
                test.env.emulator.cut_sockets(DEMO.id).await;
                eventually("the page to have noticed", async || {
                    Ok((!test.page.is_there(CONNECTED).await?).then_some(()))
                })
                .await
            };
            cut().await?;
            for text in ["two", "three"] {
                test.env.emulator.send_message(GRACE.id, DEMO.id, text).await;
            }
            assert_eq!(shown_texts(&test.page).await?, ["one"]);
            test.env.emulator.clear_faults().await;
            eventually_shows(&test.page, &["one", "two", "three"]).await?;
            test.page.see(CONNECTED).await?;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "four").await;
            eventually_shows(&test.page, &["one", "two", "three", "four"]).await?;
            // The same in a conversation that is not open, whose next message arrives on the socket.
            test.page.driver.back().await?;
            test.page.see_gone("main[data-peer=grace]").await?;
            cut().await?;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "five").await;
            test.env.emulator.clear_faults().await;
            test.page.see(CONNECTED).await?;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "six").await;
            eventually("the last one to be in the list", async || {
                Ok(test.page.see("#conversations").await?.text().await?.contains("six").then_some(()))
            })
            .await?;
            test.page.click("a[href='/chat/grace']").await?;
            let all = ["one", "two", "three", "four", "five", "six"];
            eventually_shows(&test.page, &all).await?;
            test.page.driver.refresh().await?;
            eventually_shows(&test.page, &all).await?;
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn drafts_and_unsent_messages_survive_a_reload() -> Result<()> {
    Scenario::default()
        .expect_console_error("/v3.0/messages")
        .run(async |test| {
            let grace = open_conversation(test).await?;
            test.page.fill("#message", "not yet finished").await?;
            test.page.driver.refresh().await?;
            eventually("the draft to be there again", async || {
                let field = test.page.see("#message").await?;
                Ok((field.prop("value").await?.as_deref() == Some("not yet finished")).then_some(()))
            })
            .await?;
            test.page.see(CONNECTED).await?;

            // A rejected message stays visible, also after a reload.
            test.env.emulator.refuse_next("POST", "/messages").await;
            send(&test.page, "first").await?;
            test.page.see("#messages .message.failed").await?;
            test.page.driver.refresh().await?;
            test.page.see("#messages .message.failed").await?;
            test.page.see(CONNECTED).await?;
            test.page.click(".retry button").await?;
            test.page.see_gone("#messages .message.failed").await?;
            eventually_shows(&grace, &["first"]).await?;

            // A message that arrives after the timeout must not be sent twice.
            let late = json!({"api": "client", "method": "POST", "path": "/messages", "kind": "delay",
                              "millis": 11_000, "times": 1});
            test.env.emulator.add_fault(late).await;
            send(&test.page, "second").await?;
            test.page.see("#messages .message.failed").await?;
            eventually_shows(&grace, &["first", "second"]).await?;
            test.page.click(".retry button").await?;
            test.page.see_gone("#messages .message.failed").await?;
            send(&test.page, "third").await?;
            eventually_shows(&grace, &["first", "second", "third"]).await?;
            eventually_shows(&test.page, &["first", "second", "third"]).await?;
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn message_text_is_escaped_linked_and_keeps_lines() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let grace = open_conversation(test).await?;
            test.page.fill("#message", "<img src=x onerror=alert(1)>").await?;
            test.page.see("#message").await?.send_keys(Key::Shift + Key::Enter).await?;
            test.page.press("javascript:alert(1) https://example.com/a.").await?;
            test.page.press(Key::Enter).await?;
            eventually_shows(
                &grace,
                &["<img src=x onerror=alert(1)>\njavascript:alert(1) https://example.com/a."],
            )
            .await?;
            assert!(!grace.is_there("#messages img").await?);
            let link = grace.see("#messages .message a").await?;
            assert_eq!(link.attr("href").await?.as_deref(), Some("https://example.com/a"));
            assert!(link.attr("rel").await?.unwrap_or_default().contains("noopener"));
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn second_tab_shows_the_same_state() -> Result<()> {
    Scenario::default()
        // The SDK of the second tab logs out with a token that the first tab has revoked.
        .expect_console_error("/v3.0/me - Failed to load resource: the server responded with a status of 401")
        // The second tab may lose its socket, and ask for another token, before it is in view and checks its session.
        .expect_console_error(
            "/api/session/chat-token - Failed to load resource: the server responded with a status of 401",
        )
        .run(async |test| {
            let grace = open_conversation(test).await?;
            test.page.driver.new_tab().await?;
            let tabs = test.page.driver.windows().await?;
            test.page.driver.switch_to_window(tabs[1].clone()).await?;
            test.page.open("/chat/grace").await?;
            test.page.see(CONNECTED).await?;
            send(&test.page, "from the second tab").await?;
            test.page.driver.switch_to_window(tabs[0].clone()).await?;
            eventually_shows(&test.page, &["from the second tab"]).await?;
            test.page.see("#messages .message.mine").await?;
            eventually_shows(&grace, &["from the second tab"]).await?;

            // Reading in one tab marks as read in the other.
            for tab in &tabs {
                test.page.driver.switch_to_window(tab.clone()).await?;
                test.page.open("/chat").await?;
                test.page.see(CONNECTED).await?;
            }
            send(&grace, "for both tabs").await?;
            for tab in &tabs {
                test.page.driver.switch_to_window(tab.clone()).await?;
                test.page.see("a[href='/chat/grace'] .unread-count").await?;
            }
            test.page.click("a[href='/chat/grace']").await?;
            eventually_shows(&test.page, &["from the second tab", "for both tabs"]).await?;
            test.page.driver.switch_to_window(tabs[0].clone()).await?;
            test.page.see_gone("a[href='/chat/grace'] .unread-count").await?;

            // Signing out in one tab signs out the other.
            test.page.click("#sign-out").await?;
            test.page.see("#login").await?;
            test.page.driver.switch_to_window(tabs[1].clone()).await?;
            test.page.see("#login").await?;
            grace.close().await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn narrow_screen_back_link_restores_the_list() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            test.add_user(&GRACE).await?;
            page.show_as(390, 760, Scheme::Light).await?;
            test.sign_in().await?;
            page.see(CONNECTED).await?;
            page.fill("#search", "zzz").await?;
            eventually("the search to end", async || {
                Ok((page.see(".list .empty").await?.text().await? == "No matches.").then_some(()))
            })
            .await?;
            page.fill("#search", "grac").await?;
            page.click("a[href='/chat/grace']").await?;
            page.see("#message").await?;
            page.click("a.back").await?;
            page.see("[data-pane=list]").await?;
            assert_eq!(page.see("#search").await?.prop("value").await?.as_deref(), Some("grac"));
            let focus = page.script("return document.activeElement.textContent").await?;
            assert_eq!(focus, "Test User", "the heading has the focus");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn long_conversation_pages_and_keeps_scroll_position() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.add_user(&GRACE).await?;
            test.sign_in().await?;
            test.page.see("a[href='/chat/grace']").await?;
            for number in 1..=180 {
                test.env.emulator.send_message(GRACE.id, DEMO.id, &format!("number {number}")).await;
            }
            test.page.click("a[href='/chat/grace']").await?;
            let last = async |expected: &str| {
                eventually(&format!("{expected} to be last"), async || {
                    Ok((shown_texts(&test.page).await?.last().map(String::as_str) == Some(expected))
                        .then_some(()))
                })
                .await
            };
            last("number 180").await?;
            let end = "const log = document.getElementById('messages');
                return log.scrollHeight - log.scrollTop - log.clientHeight";
            eventually("the end to be in sight", async || {
                Ok((test.page.script(end).await?.as_f64().unwrap_or(999.0) < 5.0).then_some(()))
            })
            .await?;
            ensure!(
                shown_texts(&test.page).await?.len() < 100,
                "the page has only the messages that were looked at"
            );
            eventually("the first message to be reached by scrolling up", async || {
                test.page.script("document.getElementById('messages').scrollTop = 0").await?;
                Ok((shown_texts(&test.page).await?.first().map(String::as_str) == Some("number 1"))
                    .then_some(()))
            })
            .await?;
            let texts = shown_texts(&test.page).await?;
            assert_eq!(texts, (1..=180).map(|number| format!("number {number}")).collect::<Vec<_>>());
            // A new message does not move a user who has scrolled up.
            test.page.script("document.getElementById('messages').scrollTop = 2000").await?;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "number 181").await;
            last("number 181").await?;
            let top = test.page.script("return document.getElementById('messages').scrollTop").await?;
            ensure!((top.as_f64().unwrap_or_default() - 2000.0).abs() < 2.0, "moved to {top}");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn demo_data_has_people_history_and_an_echo_bot() -> Result<()> {
    Scenario::default()
        .populated()
        .expect_console_error("/v3.0/users/no-such-person")
        .run(async |test| {
            test.sign_in().await?;
            test.page.see("#conversations a[href='/chat/grace'] .unread-count").await?;
            test.page.fill("#search", "echo").await?;
            test.page.see_gone("a[href='/chat/grace']").await?;
            test.page.click("a[href='/chat/echo-bot']").await?;
            test.page.see("#messages .message").await?;
            send(&test.page, "Are you there?").await?;
            eventually_presence(&test.page, "typing…").await?;
            eventually("the bot to answer", async || {
                let texts = shown_texts(&test.page).await?;
                Ok((texts.iter().filter(|text| *text == "Are you there?").count() == 2).then_some(()))
            })
            .await?;
            test.page.see("#messages .message.mine[data-state=read]").await?;
            test.page.open("/chat/no-such-person").await?;
            test.page.see("#user-not-found").await?;
            test.page.open("/chat/Not%20A%20Uid").await?;
            test.page.see("main[data-page=not-found]").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn token_revoked_during_conversation_heals() -> Result<()> {
    Scenario::default()
        .expect_console_error("the server responded with a status of 401")
        .expect_console_error("WebSocket connection to")
        // The SDK's telemetry does not handle rejected requests.
        .expect_console_error("/chat/grace 0:0")
        .run(async |test| {
            let grace = open_conversation(test).await?;
            send(&test.page, "before").await?;
            eventually_shows(&grace, &["before"]).await?;
            let old = test.env.emulator.tokens(DEMO.id).await;
            for token in &old {
                test.env.emulator.revoke(DEMO.id, token).await;
            }
            eventually("another token to be in use", async || {
                let new = test.env.emulator.tokens(DEMO.id).await;
                let online = test.env.emulator.authenticated_sockets(DEMO.id).await == 1;
                Ok((online && new.len() == 1 && new != old).then_some(()))
            })
            .await?;
            test.page.see(CONNECTED).await?;
            send(&test.page, "after").await?;
            eventually_shows(&grace, &["before", "after"]).await?;
            send(&grace, "indeed").await?;
            eventually_shows(&test.page, &["before", "after", "indeed"]).await?;
            grace.close().await
        })
        .await
}
