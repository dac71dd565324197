//! Making an account.

use e2e::{Context, DEMO, GRACE, Result, Scenario, Stage, eventually};
use shared::routes;
use thirtyfour::Key;

pub const CONNECTED: &str = "#chat-status[data-state=connected]";
pub const GOOD: &str = "plum tractor yesterday";

/// Fills in the form and sends it.
async fn submit(stage: &Stage, name: &str, email: &str, password: &str) -> Result<()> {
    stage.page.fill("#name", name).await?;
    stage.page.fill("#email", email).await?;
    stage.page.fill("#password", password).await?;
    stage.page.click("#register button[type=submit]").await?;
    stage.page.see_gone("#register[aria-busy=true]").await
}

/// Registers in the page that is there, as far as the home page. The new user's id.
pub async fn register(stage: &Stage, name: &str, email: &str) -> Result<String> {
    stage.page.open("/register").await?;
    submit(stage, name, email, GOOD).await?;
    stage.page.see("[data-page=chat]").await?;
    stage.page.see(CONNECTED).await?;
    let id =
        format!("return fetch('{}').then(answer => answer.json()).then(user => user.id)", routes::SESSION);
    Ok(stage.page.script(&id).await?.as_str().context("an id")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn registering_leads_into_the_app_and_into_chat() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.page.open("/").await?;
            stage.page.click("a[href='/register']").await?;
            stage.page.see("main[data-page=register]").await?;
            let id = register(stage, "Ada Lovelace", "ada@example.com").await?;
            assert_eq!(stage.page.see("h1").await?.text().await?, "Ada Lovelace");
            assert_eq!(stage.page.driver.current_url().await?.path(), "/chat");
            assert_eq!(stage.chat_user().await?, id);
            assert_eq!(stage.system.name(&id).await?.as_deref(), Some("Ada Lovelace"));
            assert_eq!(stage.system.tokens(&id).await?.len(), 1);
            assert_eq!(stage.system.authenticated_sockets(&id).await?, 1);
            stage.page.driver.refresh().await?;
            stage.page.see(CONNECTED).await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn the_rule_for_passwords_is_said_before_and_counted_while_typing() -> Result<()> {
    Scenario::default()
        .provokes("/api/register - Failed to load resource: the server responded with a status of 422")
        .run(async |stage| {
            stage.page.open("/register").await?;
            let hint = async |part: &str| {
                eventually(&format!("the hint to say {part}"), async || {
                    let text = stage.page.see("#password-hint").await?.text().await?;
                    Ok(text.contains(part).then_some(()))
                })
                .await
            };
            hint("At least 15 characters").await?;
            stage.page.see("#password[aria-describedby=password-hint]").await?;
            stage.page.fill("#password", "12345678").await?;
            hint("7 more characters").await?;

            submit(stage, "Ada", "ada@example.com", "too short").await?;
            assert!(stage.page.see("#password-fault").await?.text().await?.contains("at least 15"));
            submit(stage, "Ada", "ada@example.com", "passwordpassword").await?;
            eventually("the reason to be said", async || {
                let text = stage.page.see("#password-fault").await?.text().await?;
                Ok(text.contains("easy to guess").then_some(()))
            })
            .await?;
            eventually("the focus to be there", async || {
                Ok((stage.page.focus().await? == "password").then_some(()))
            })
            .await?;
            hint("Long enough").await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn an_address_that_is_taken_is_told_at_its_field() -> Result<()> {
    Scenario::default()
        .provokes("/api/register - Failed to load resource: the server responded with a status of 409")
        .run(async |stage| {
            stage.page.open("/register").await?;
            submit(stage, "Somebody", &DEMO.email.to_uppercase(), GOOD).await?;
            assert!(stage.page.see("#email-fault").await?.text().await?.contains("already"));
            eventually("the focus to be there", async || {
                Ok((stage.page.focus().await? == "email").then_some(()))
            })
            .await?;
            stage.page.click("a[href='/']").await?;
            stage.page.see("#login").await?;
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn the_keyboard_alone_registers() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            let page = &stage.page;
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
async fn who_registers_is_in_the_list_of_those_who_are_there_already() -> Result<()> {
    Scenario::default()
        .run(async |stage| {
            stage.system.add_user(&GRACE)?;
            let grace = stage.another_page().await?;
            grace.sign_in(GRACE.email, GRACE.password).await?;
            grace.see(CONNECTED).await?;
            let id = register(stage, "Ada Lovelace", "ada@example.com").await?;
            let row = grace.see(&format!("#people a[href='/chat/{id}']")).await?;
            assert!(row.text().await?.contains("Ada Lovelace"));
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a browser: make test"]
async fn where_registration_is_closed_no_way_leads_to_it() -> Result<()> {
    Scenario::default()
        .setting("REGISTRATION", "closed")
        .run(async |stage| {
            stage.page.open("/register").await?;
            stage.page.see("#login").await?;
            let shown = "return document.querySelector('a[href=\"/register\"]')?.checkVisibility() ?? false";
            assert_eq!(stage.page.script(shown).await?.as_bool(), Some(false));
            stage.page.open("/no/such/page").await?;
            stage.page.see("main[data-page=not-found] .foot a").await?;
            stage.sign_in().await?;
            // Also in the form that the page itself puts there.
            stage.page.see("#sign-out").await?.click().await?;
            stage.page.see("#login").await?;
            assert_eq!(stage.page.script(shown).await?.as_bool(), Some(false));
            Ok(())
        })
        .await
}
