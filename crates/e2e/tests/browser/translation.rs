//! Other programs that change the page: translations, and extensions that wrap, insert and remove elements.

use e2e::{CONNECTED, DEMO, GRACE, Page, Result, Scenario, TestContext, ensure, eventually};
use serde_json::json;
use thirtyfour::Key;

const WRONG: &str = "Your email or password is wrong!";

/// Replaces every text node by `<font><font>text</font></font>`, also the later ones, as Chrome's translation does.
/// `translation` is the text node that ends up in the page: Chrome's is a new one, other programs move the old one.
fn translate(translation: &str) -> String {
    format!(
        "const done = new WeakSet();
        const translate = (node) => {{
            if (node.nodeType !== Node.TEXT_NODE) return [...node.childNodes].forEach(translate);
            if (done.has(node) || !node.parentElement || !node.data.trim()) return;
            if (node.parentElement.closest('script, style, title, textarea')) return;
            const [outer, inner] = [0, 1].map(() => document.createElement('font'));
            const text = {translation};
            done.add(text);
            node.replaceWith(outer);
            outer.append(inner);
            inner.append(text);
        }};
        new MutationObserver((changes) => {{
            for (const {{ addedNodes }} of changes) addedNodes.forEach(translate);
        }}).observe(document, {{ childList: true, subtree: true }});"
    )
}

async fn eventually_reads(page: &Page, css: &str, expected: &str) -> Result<()> {
    eventually(&format!("{css} to read {expected:?}"), async || {
        let text = format!("return document.querySelector(`{css}`)?.textContent.trim() ?? null");
        Ok((page.script(&text).await? == expected).then_some(()))
    })
    .await
}

/// Waits until the messages have these texts, in this order.
async fn eventually_shows(page: &Page, expected: &[&str]) -> Result<()> {
    let texts = "return [...document.querySelectorAll('#messages .message')].map(message => {
        const body = message.cloneNode(true);
        body.querySelectorAll('time, .visually-hidden').forEach(part => part.remove());
        return body.textContent;
    })";
    eventually(&format!("{expected:?} to be on the screen"), async || {
        Ok((page.script(texts).await? == json!(expected)).then_some(()))
    })
    .await
}

async fn send(page: &Page, text: &str) -> Result<()> {
    page.fill("#message", text).await?;
    page.press(Key::Enter).await
}

async fn use_translated(test: &TestContext, translation: &str) -> Result<()> {
    let page = &test.page;
    test.add_user(&GRACE).await?;
    page.before_every_page(&translate(translation)).await?;
    page.open("/").await?;
    page.see("font").await?;
    page.click("#login button[type=submit]").await?;
    eventually_reads(page, "#email-error", "Enter your email address.").await?;
    page.fill("#email", "ada").await?;
    page.click("#login button[type=submit]").await?;
    eventually_reads(page, "#email-error", "Enter an email address like name@example.com.").await?;
    test.submit(DEMO.email, "not the password").await?;
    eventually_reads(page, ".notice", WRONG).await?;
    eventually_reads(page, "#login button[type=submit]", "Sign in").await?;

    page.open("/register").await?;
    eventually_reads(
        page,
        "#password-hint",
        "At least 15 characters. A few unrelated words are strong and easy to remember.",
    )
    .await?;
    page.fill("#password", "twelve chars").await?;
    eventually_reads(page, "#password-hint", "3 more characters.").await?;
    page.press("14").await?;
    eventually_reads(page, "#password-hint", "1 more character.").await?;
    page.press("!").await?;
    eventually_reads(page, "#password-hint", "Long enough.").await?;

    test.sign_in().await?;
    eventually_reads(page, "#chat-status", "Connected").await?;
    page.click("a[href='/chat/grace']").await?;
    page.see("#empty-conversation").await?;
    eventually_reads(page, "#presence", "offline").await?;
    eventually_reads(page, "a[href='/chat/grace'] .preview", "offline").await?;
    test.env.emulator.send_message(GRACE.id, DEMO.id, "one").await;
    eventually_shows(page, &["one"]).await?;
    eventually_reads(page, "a[href='/chat/grace'] .preview", "one").await?;
    page.script("document.querySelector('#messages .message').known = true").await?;
    send(page, "two").await?;
    eventually_shows(page, &["one", "two"]).await?;
    page.see("#messages .message.mine[data-state=sent]").await?;
    eventually_reads(page, ".receipt", "✓").await?;
    eventually_reads(page, "a[href='/chat/grace'] .preview", "You: two").await?;
    test.env.emulator.send_message(GRACE.id, DEMO.id, "three").await;
    eventually_shows(page, &["one", "two", "three"]).await?;
    eventually_reads(page, "a[href='/chat/grace'] .preview", "three").await?;

    let known = page.script("return document.querySelector('#messages .message').known === true").await?;
    ensure!(known == true, "the element of the first message was made again");

    let grace = test.another_page().await?;
    grace.sign_in(GRACE.email, GRACE.password).await?;
    eventually_reads(page, "#presence", "online").await?;
    grace.open("/chat/test-user-id").await?;
    page.see("#messages .message.mine[data-state=read]").await?;
    eventually_reads(page, ".receipt", "✓✓").await?;
    grace.fill("#message", "fo").await?;
    eventually_reads(page, "#presence", "typing…").await?;
    eventually_reads(page, "a[href='/chat/grace'] .preview", "typing…").await?;
    send(&grace, "four https://example.com/ and more").await?;
    let four = "four https://example.com/ and more";
    eventually_shows(page, &["one", "two", "three", four]).await?;
    eventually_reads(page, "a[href='/chat/grace'] .preview", four).await?;
    eventually_reads(page, "#presence", "online").await?;
    grace.close().await?;
    eventually_reads(page, "#presence", "offline").await?;

    page.fill("#search", "zzz").await?;
    eventually_reads(page, ".list .empty", "No matches.").await?;
    page.fill("#search", "grac").await?;
    page.see("a[href='/chat/grace']").await?;
    page.see_gone(".list .empty").await?;

    // A failed message, and an outage.
    test.env.emulator.refuse_next("POST", "/messages").await;
    send(page, "five").await?;
    eventually_reads(page, ".retry", "Not sent. Try again").await?;
    page.click(".retry button").await?;
    page.see_gone(".retry").await?;
    eventually_shows(page, &["one", "two", "three", four, "five"]).await?;
    go_through_outage(test).await?;
    test.env.emulator.send_message(GRACE.id, DEMO.id, "six").await;
    eventually_shows(page, &["one", "two", "three", four, "five", "six"]).await?;

    page.click("a[href='/account']").await?;
    page.see("#sessions li").await?;
    page.fill("#name", "").await?;
    page.click("#rename button[type=submit]").await?;
    eventually_reads(page, "#name-error", "Enter your name.").await?;
    page.fill("#name", "Ada").await?;
    page.click("#rename button[type=submit]").await?;
    eventually_reads(page, "[data-done=renamed]", "Your name has been changed.").await?;
    eventually_reads(page, "#rename button[type=submit]", "Change name").await?;
    page.click("a[href='/chat']").await?;
    eventually_reads(page, ".profile .name", "Ada").await?;
    eventually_reads(page, ".profile .avatar", "A").await?;
    page.click("#sign-out").await?;
    eventually_reads(page, "[data-reason=signed_out]", "You’ve signed out.").await
}

/// Cuts the connection to CometChat, and waits until the page has reported and survived it.
async fn go_through_outage(test: &TestContext) -> Result<()> {
    let page = &test.page;
    test.env.emulator.add_fault(json!({"api": "all", "kind": "drop"})).await;
    test.env.emulator.cut_sockets(DEMO.id).await;
    eventually_reads(page, "#chat-status", "Chat is unavailable. Reconnecting…").await?;
    page.see(".banner").await?;
    test.env.emulator.clear_faults().await;
    eventually_reads(page, "#chat-status", "Connected").await?;
    page.see_gone(".banner").await
}

fn scenario() -> Scenario {
    Scenario::default()
        .expect_console_error(
            "/api/login - Failed to load resource: the server responded with a status of 401",
        )
        .expect_console_error("/v3.0/messages")
        .expect_console_error(
            "/api/session/chat-token - Failed to load resource: the server responded with a status of 503",
        )
        .expect_console_error("WebSocket connection to")
        .expect_console_error("net::ERR_")
        // The SDK's telemetry does not handle rejected requests.
        .expect_console_error("/chat/grace 0:0")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn translated_page_stays_current() -> Result<()> {
    scenario().run(async |test| use_translated(test, "document.createTextNode(node.data)").await).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn page_with_wrapped_text_nodes_stays_current() -> Result<()> {
    scenario().run(async |test| use_translated(test, "node").await).await
}

/// Changes the document as extensions do: adds elements and attributes, wraps elements, and removes some.
const EXTENSIONS: &str = "const element = () => Object.assign(document.createElement('x-extension'), { hidden: true });
    for (const node of [document.documentElement, ...document.querySelectorAll('body, main, input, textarea, .message, li')]) {
        node.setAttribute('data-extension', '');
        node.classList.add('extension');
    }
    for (const parent of document.querySelectorAll('head, body, #messages, #conversations, .profile, .composer, header')) {
        parent.prepend(element());
        parent.append(element());
        parent.children[1].after(element());
    }
    for (const node of document.querySelectorAll('#messages > .message, #conversations > li, #chat-status > *, #message')) {
        const wrapper = document.createElement('span');
        node.replaceWith(wrapper);
        wrapper.append(node);
    }
    for (const node of document.querySelectorAll('header .avatar, #messages > .day, #presence')) node.remove();";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn page_changed_by_extensions_stays_current() -> Result<()> {
    scenario()
        .run(async |test| {
            let page = &test.page;
            test.add_user(&GRACE).await?;
            test.env.emulator.send_message(GRACE.id, DEMO.id, "one").await;
            test.sign_in().await?;
            page.see(CONNECTED).await?;
            page.click("a[href='/chat/grace']").await?;
            send(page, "two").await?;
            eventually_shows(page, &["one", "two"]).await?;
            page.see("#messages .message.mine[data-state=sent]").await?;
            for (sent, shown) in [("four", 4), ("six", 6)] {
                page.script(EXTENSIONS).await?;
                let all = ["one", "two", "three", "four", "five", "six"];
                test.env.emulator.send_message(GRACE.id, DEMO.id, all[shown - 2]).await;
                eventually_shows(page, &all[..shown - 1]).await?;
                eventually_reads(page, "a[href='/chat/grace'] .preview", all[shown - 2]).await?;
                send(page, sent).await?;
                eventually_shows(page, &all[..shown]).await?;
                page.see_gone("#messages .message[data-state=sending]").await?;
            }
            go_through_outage(test).await?;
            page.click("#sign-out").await?;
            eventually_reads(page, "[data-reason=signed_out]", "You’ve signed out.").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn older_messages_stay_above_a_removed_message() -> Result<()> {
    scenario()
        .run(async |test| {
            let page = &test.page;
            let all: Vec<String> = (1..=120).map(|number| number.to_string()).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            test.add_user(&GRACE).await?;
            for text in &all {
                test.env.emulator.send_message(GRACE.id, DEMO.id, text).await;
            }
            test.sign_in().await?;
            page.click("a[href='/chat/grace']").await?;
            eventually_shows(page, &all[70..]).await?;
            // The program inserts older messages before the first one.
            page.script("document.querySelector('#messages > .message').remove()").await?;
            page.script("document.getElementById('messages').scrollTop = 0").await?;
            eventually_shows(page, &[&all[20..70], &all[71..]].concat()).await
        })
        .await
}
