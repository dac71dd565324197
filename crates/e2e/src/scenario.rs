//! One test from setup to teardown: runs the body, checks the console, and keeps the artifacts of a failure.

use crate::artifacts::Artifacts;
use crate::page::Page;
use crate::system::{DEMO, System};
use anyhow::{Result, bail, ensure};
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, resume_unwind};

/// Without a session, the page's own check is answered with 401, which the browser reports as an error.
const NOT_SIGNED_IN: &str =
    "/api/session - Failed to load resource: the server responded with a status of 401";

#[derive(Default)]
pub struct Scenario {
    settings: Vec<(&'static str, &'static str)>,
    expected_errors: Vec<&'static str>,
    populated: bool,
}

/// The system and the browser of a test.
pub struct TestContext {
    pub system: System,
    pub page: Page,
}

impl Scenario {
    /// Sets an environment variable of the server.
    pub fn setting(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    /// Starts the emulator with users, messages and a bot that replies.
    pub fn populated(mut self) -> Self {
        self.populated = true;
        self
    }

    /// Allows console errors with this text, which the test causes on purpose.
    pub fn expect_console_error(mut self, text: &'static str) -> Self {
        self.expected_errors.push(text);
        self
    }

    pub async fn run<F: AsyncFnOnce(&mut TestContext) -> Result<()>>(self, body: F) -> Result<()> {
        let artifacts = Artifacts::new(test_name::<F>())?;
        let system = System::start(&artifacts, &self.settings, self.populated).await?;
        let page = Page::start(artifacts.folder(), system.url("")).await?;
        let mut test = TestContext { system, page };

        let outcome = AssertUnwindSafe(body(&mut test)).catch_unwind().await;
        let console = test.page.console_errors().await.unwrap_or_default();
        let outcome = outcome.map(|result| result.and_then(|()| self.check(&console)));
        let passed = matches!(outcome, Ok(Ok(())));
        if !passed {
            artifacts.save(&test.page, &console).await;
            eprintln!("artifacts in {}", artifacts.folder().display());
        }
        let closed = test.page.driver.clone().quit().await;
        match outcome {
            Err(panic) => resume_unwind(panic),
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => {
                closed?;
                artifacts.discard();
                Ok(())
            }
        }
    }

    fn check(&self, console: &[String]) -> Result<()> {
        let expected = |line: &&String| {
            line.contains(NOT_SIGNED_IN) || self.expected_errors.iter().any(|text| line.contains(text))
        };
        let rest: Vec<_> = console.iter().filter(|line| !expected(line)).map(String::as_str).collect();
        if !rest.is_empty() {
            bail!("unexpected errors in the browser's console:\n{}", rest.join("\n"));
        }
        Ok(())
    }
}

impl TestContext {
    /// Starts a second browser, whose console is not checked. The test must close it.
    pub async fn another_page(&self) -> Result<Page> {
        Page::start(&self.system.logs, self.system.url("")).await
    }

    /// Signs the demo user in and waits for the chat.
    pub async fn sign_in(&self) -> Result<()> {
        self.page.sign_in(DEMO.email, DEMO.password).await
    }

    /// Fills in the login form, sends it and waits for the response.
    pub async fn submit(&self, email: &str, password: &str) -> Result<()> {
        self.page.submit(email, password).await
    }

    /// Returns the uid that the SDK in the page is logged in as, or an empty text.
    pub async fn chat_user(&self) -> Result<String> {
        self.page.chat_user().await
    }

    /// Ends the browser's session from outside, as another device would.
    pub async fn end_session_elsewhere(&self) -> Result<()> {
        let cookies = self.page.driver.get_all_cookies().await?;
        let cookies: Vec<_> =
            cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        ensure!(!cookies.is_empty(), "the browser has no cookies");
        let logout = self.system.http.post(self.system.url(shared::routes::LOGOUT));
        logout.header("cookie", cookies.join("; ")).send().await?.error_for_status()?;
        Ok(())
    }
}

/// Returns the test's name, from the type of its body: `browser::chat::name::{{closure}}::…`.
fn test_name<F>() -> &'static str {
    let path = std::any::type_name::<F>();
    path.split("::").take_while(|part| !part.starts_with("{{")).last().unwrap_or(path)
}
