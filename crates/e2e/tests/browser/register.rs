//! The registration form.

use e2e::{CONNECTED, Context, DEMO, GRACE, Result, Scenario, TestContext, eventually};
use shared::routes;
use thirtyfour::Key;

pub const GOOD: &str = "plum tractor yesterday";

/// Fills in the registration form, sends it and waits for the response.
async fn submit(test: &TestContext, name: &str, email: &str, password: &str) -> Result<()> {
    test.page.fill("#name", name).await?;
    test.page.fill("#email", email).await?;
    test.page.fill("#password", password).await?;
    test.page.click("#register button[type=submit]").await?;
    test.page.see_gone("#register[aria-busy=true]").await
}

/// Registers, waits for the chat and returns the new user's id.
pub async fn register(test: &TestContext, name: &str, email: &str) -> Result<String> {
    test.page.open("/register").await?;
    submit(test, name, email, GOOD).await?;
    test.page.see("[data-page=chat]").await?;
    test.page.see(CONNECTED).await?;
    let id =
        format!("return fetch('{}').then(answer => answer.json()).then(user => user.id)", routes::SESSION);
    Ok(test.page.script(&id).await?.as_str().context("an id")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn registration_signs_in_to_app_and_chat() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.page.open("/").await?;
            test.page.click("a[href='/register']").await?;
            test.page.see("main[data-page=register]").await?;
            let id = register(test, "Ada Lovelace", "ada@example.com").await?;
            assert_eq!(test.page.see("h1").await?.text().await?, "Ada Lovelace");
            assert_eq!(test.page.driver.current_url().await?.path(), "/chat");
            assert_eq!(test.chat_user().await?, id);
            assert_eq!(test.env.emulator.name(&id).await.as_deref(), Some("Ada Lovelace"));
            assert_eq!(test.env.emulator.tokens(&id).await.len(), 1);
            assert_eq!(test.env.emulator.authenticated_sockets(&id).await, 1);
            test.page.driver.refresh().await?;
            test.page.see(CONNECTED).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn password_rule_is_shown_and_counts_down() -> Result<()> {
    Scenario::default()
        .expect_console_error(
            "/api/register - Failed to load resource: the server responded with a status of 422",
        )
        .run(async |test| {
            test.page.open("/register").await?;
            let hint = async |part: &str| {
                eventually(&format!("the hint to say {part}"), async || {
                    let text = test.page.see("#password-hint").await?.text().await?;
                    Ok(text.contains(part).then_some(()))
                })
                .await
            };
            hint("At least 15 characters").await?;
            test.page.see("#password[aria-describedby=password-hint]").await?;
            test.page.fill("#password", "12345678").await?;
            hint("7 more characters").await?;

            submit(test, "Ada", "ada@example.com", "too short").await?;
            assert!(test.page.see("#password-error").await?.text().await?.contains("at least 15"));
            submit(test, "Ada", "ada@example.com", "passwordpassword").await?;
            eventually("the reason to be said", async || {
                let text = test.page.see("#password-error").await?.text().await?;
                Ok(text.contains("easy to guess").then_some(()))
            })
            .await?;
            eventually("the focus to be there", async || {
                Ok((test.page.focus().await? == "password").then_some(()))
            })
            .await?;
            hint("Long enough").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn taken_email_is_reported_at_its_field() -> Result<()> {
    Scenario::default()
        .expect_console_error(
            "/api/register - Failed to load resource: the server responded with a status of 409",
        )
        .run(async |test| {
            test.page.open("/register").await?;
            submit(test, "Other User", &DEMO.email.to_uppercase(), GOOD).await?;
            assert!(test.page.see("#email-error").await?.text().await?.contains("already"));
            eventually("the focus to be there", async || {
                Ok((test.page.focus().await? == "email").then_some(()))
            })
            .await?;
            test.page.click("a[href='/']").await?;
            test.page.see("#login").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn keyboard_alone_registers() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            let page = &test.page;
            page.open("/register").await?;
            page.see("#name").await?.focus().await?;
            for text in ["Ada", "ada@example.com", GOOD] {
                page.press(text).await?;
                page.press(Key::Tab).await?;
            }
            assert_eq!(page.focus().await?, "show-password");
            page.press(Key::Tab).await?;
            page.press(Key::Enter).await?;
            page.see(CONNECTED).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn new_user_appears_in_open_lists() -> Result<()> {
    Scenario::default()
        .run(async |test| {
            test.add_user(&GRACE).await?;
            let grace = test.another_page().await?;
            grace.sign_in(GRACE.email, GRACE.password).await?;
            grace.see(CONNECTED).await?;
            let id = register(test, "Ada Lovelace", "ada@example.com").await?;
            let row = grace.see(&format!("#people a[href='/chat/{id}']")).await?;
            assert!(row.text().await?.contains("Ada Lovelace"));
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn closed_registration_is_nowhere_offered() -> Result<()> {
    Scenario::default()
        .setting("REGISTRATION", "closed")
        .run(async |test| {
            test.page.open("/register").await?;
            test.page.see("#login").await?;
            let shown = "return document.querySelector('a[href=\"/register\"]')?.checkVisibility() ?? false";
            assert_eq!(test.page.script(shown).await?.as_bool(), Some(false));
            test.page.open("/no/such/page").await?;
            test.page.see("main[data-page=not-found] .card-footer a").await?;
            test.sign_in().await?;
            // The form that the program renders must hide the link as well.
            test.page.see("#sign-out").await?.click().await?;
            test.page.see("#login").await?;
            assert_eq!(test.page.script(shown).await?.as_bool(), Some(false));
            Ok(())
        })
        .await
}
