//! Long lists and long inputs: nothing is truncated silently.

use e2e::{CONNECTED, DEMO, GRACE, Page, Result, Scenario, TestContext, ensure, eventually};
use futures_util::{StreamExt, stream};
use serde_json::json;
use thirtyfour::Key;

const PEOPLE: usize = 120;

fn uid(number: usize) -> String {
    format!("person-{number:04}")
}

/// Runs this for all numbers from 1 to `count`, some at the same time.
async fn for_each_number(count: usize, run: impl AsyncFn(usize)) {
    stream::iter(1..=count).for_each_concurrent(16, |number| run(number)).await;
}

/// Creates users without the server, as another program of the operator would.
async fn create_people(test: &TestContext, count: usize) {
    for_each_number(count, async |number| {
        let user = json!({"uid": uid(number), "name": format!("Person {number:04}")});
        test.env.emulator.rest("POST", "/users", user).await.data();
    })
    .await;
}

async fn eventually_lists(page: &Page, count: usize) -> Result<()> {
    eventually(&format!("{count} people to be listed"), async || {
        let listed = page.script("return document.querySelectorAll('#people li').length").await?;
        Ok((listed == count).then_some(()))
    })
    .await
}

async fn scroll_to_end(page: &Page) -> Result<()> {
    page.script("const list = document.querySelector('.list'); list.scrollTop = list.scrollHeight")
        .await
        .map(drop)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn people_list_loads_more_on_scroll_to_the_last() -> Result<()> {
    Scenario::default()
        .expect_console_error("/v3.0/users")
        .run(async |test| {
            let page = &test.page;
            create_people(test, PEOPLE).await;
            test.sign_in().await?;
            page.see(CONNECTED).await?;
            eventually_lists(page, 50).await?;
            scroll_to_end(page).await?;
            eventually_lists(page, 100).await?;
            // A failed page says so, and can be tried again.
            test.env.emulator.refuse_next("GET", "/users").await;
            scroll_to_end(page).await?;
            page.see(".list-end button").await?;
            page.click(".list-end button").await?;
            eventually_lists(page, PEOPLE).await?;
            let last = page
                .script("return [...document.querySelectorAll('#people .contact-name')].at(-1).textContent");
            assert_eq!(last.await?, "Person 0120");
            page.see_gone(".list-end").await?;

            // The same for a search.
            page.driver.refresh().await?;
            page.see(CONNECTED).await?;
            page.fill("#search", "person").await?;
            eventually_lists(page, 50).await?;
            eventually("the last one to be reached by scrolling", async || {
                scroll_to_end(page).await?;
                page.is_there("a[href='/chat/person-0120']").await.map(|listed| listed.then_some(()))
            })
            .await?;
            eventually_lists(page, PEOPLE).await?;
            // Found by the uid, which the name does not contain.
            page.fill("#search", "person-0077").await?;
            eventually_lists(page, 1).await?;
            page.see("a[href='/chat/person-0077']").await.map(drop)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn failed_search_is_repeated_on_click_or_reconnect() -> Result<()> {
    Scenario::default()
        .expect_console_error("/v3.0/users")
        .expect_console_error("WebSocket connection to")
        .expect_console_error("net::ERR_")
        .run(async |test| {
            let (page, emulator) = (&test.page, &test.env.emulator);
            create_people(test, PEOPLE).await;
            test.sign_in().await?;
            page.see(CONNECTED).await?;
            eventually_lists(page, 50).await?;
            // Found by the uid only, so the list is empty without CometChat's answer.
            let refused =
                json!({"api": "client", "path": "/users", "kind": "status", "status": 500, "code": "ERR"});
            emulator.add_fault(refused.clone()).await;
            page.fill("#search", "person-0077").await?;
            page.see(".list-end button").await?;
            eventually_lists(page, 0).await?;
            emulator.clear_faults().await;
            page.click(".list-end button").await?;
            eventually_lists(page, 1).await?;

            emulator.add_fault(refused).await;
            page.fill("#search", "person-0088").await?;
            page.see(".list-end button").await?;
            emulator.add_fault(json!({"api": "socket", "kind": "drop"})).await;
            emulator.cut_sockets(DEMO.id).await;
            page.see_gone(CONNECTED).await?;
            emulator.clear_faults().await;
            page.see("a[href='/chat/person-0088']").await.map(drop)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn people_list_fills_a_tall_screen() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            create_people(test, PEOPLE).await;
            test.page.show_as(1000, 12_000, e2e::Scheme::Light).await?;
            test.sign_in().await?;
            eventually_lists(&test.page, PEOPLE).await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn history_fills_a_tall_screen() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            test.add_user(&GRACE).await?;
            for number in 1..=130 {
                test.env.emulator.send_message(GRACE.id, DEMO.id, &number.to_string()).await;
            }
            page.show_as(1000, 12_000, e2e::Scheme::Light).await?;
            test.sign_in().await?;
            page.click("a[href='/chat/grace']").await?;
            eventually("all messages to be on the screen", async || {
                let shown =
                    page.script("return document.querySelectorAll('#messages .message').length").await?;
                Ok((shown == 130).then_some(()))
            })
            .await?;
            // A page of conversations that is not full is the last one.
            assert_eq!(page.requests("/v3.0/conversations").await?, 1);
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn too_long_message_is_kept_counted_and_not_sent() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            test.open_grace().await?;
            let paste = |length: usize| {
                format!(
                    "document.querySelector('#message').focus();
                    document.execCommand('selectAll');
                    document.execCommand('insertText', false, 'x'.repeat({length}))"
                )
            };
            let length = "return document.querySelector('#message').value.length";
            page.script(&paste(4_001)).await?;
            assert_eq!(page.script(length).await?, 4_001);
            let explanation = page.see("#message-too-long").await?.text().await?;
            assert_eq!(explanation, "Too long to send: 1 character more than the 4,000 of one message.");
            page.see("#message[aria-invalid=true][aria-describedby=message-too-long]").await?;
            page.press(Key::Enter).await?;
            page.click("#send").await?;
            assert_eq!(page.script(length).await?, 4_001);
            // The draft survives a reload, and is refused as before.
            page.driver.refresh().await?;
            page.see("#message-too-long").await?;
            page.see(CONNECTED).await?;
            assert_eq!(page.script(length).await?, 4_001);
            ensure!(!page.is_there("#messages .message").await?, "it was sent");
            page.click("#message").await?;
            page.press(Key::Control + Key::End).await?;
            page.press(Key::Backspace).await?;
            page.see_gone("#message-too-long").await?;
            page.press(Key::Enter).await?;
            page.see("#messages .message.mine[data-state=sent]").await?;
            let sent =
                page.script("return document.querySelector('#messages .message').textContent.length").await?;
            ensure!(sent.as_u64() >= Some(4_000), "{sent} characters were sent");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn list_of_latest_conversations_says_that_it_ends() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            const COUNT: usize = 2_001;
            create_people(test, COUNT).await;
            for_each_number(COUNT, async |number| {
                test.env.emulator.send_message(&uid(number), DEMO.id, "Hello").await;
            })
            .await;
            test.sign_in().await?;
            let text = test.page.see("#conversations + .list-end").await?.text().await?;
            ensure!(text.contains("Search for the person"), "{text}");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn thousands_of_missed_messages_are_all_fetched() -> Result<()> {
    Scenario::default()
        .expect_console_error("WebSocket connection to")
        .expect_console_error("net::ERR_")
        .run(async |test| {
            let page = &test.page;
            test.add_user(&GRACE).await?;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "before").await;
            test.sign_in().await?;
            page.see(CONNECTED).await?;
            page.click("a[href='/chat/grace']").await?;
            page.see("#messages .message").await?;
            test.env.emulator.add_fault(json!({"api": "socket", "kind": "drop"})).await;
            test.env.emulator.cut_sockets(DEMO.id).await;
            page.see_gone(CONNECTED).await?;
            for_each_number(2_050, async |number| {
                test.env.emulator.send_message(GRACE.id, DEMO.id, &number.to_string()).await;
            })
            .await;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "the last one").await;
            test.env.emulator.clear_faults().await;
            eventually("the last message to be shown", async || {
                let last = "return [...document.querySelectorAll('#messages .message')].at(-1).textContent";
                let last = page.script(last).await?;
                Ok(last.as_str().is_some_and(|text| text.starts_with("the last one")).then_some(()))
            })
            .await
        })
        .await
}
