//! One test from start to end: set up, run the body, look into the console, keep the evidence of a
//! failure, and end everything that was started.

use crate::evidence::Evidence;
use crate::page::Page;
use crate::system::{DEMO, System};
use anyhow::{Result, bail, ensure};
use futures_util::FutureExt;
use std::panic::{AssertUnwindSafe, resume_unwind};

/// A page that nobody is signed in to asks who is, and the browser reports the answer as an error.
const NOT_SIGNED_IN: &str =
    "/api/session - Failed to load resource: the server responded with a status of 401";

#[derive(Default)]
pub struct Scenario {
    settings: Vec<(&'static str, &'static str)>,
    provokes: Vec<&'static str>,
    populated: bool,
}

/// What a test's body works with.
pub struct Stage {
    pub system: System,
    pub page: Page,
}

impl Scenario {
    /// A setting of the server, by its environment name.
    pub fn setting(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    /// CometChat begins with people, some history and a bot that answers.
    pub fn populated(mut self) -> Self {
        self.populated = true;
        self
    }

    /// Part of a complaint in the browser's console that this test brings about on purpose.
    pub fn provokes(mut self, complaint: &'static str) -> Self {
        self.provokes.push(complaint);
        self
    }

    pub async fn run<F: AsyncFnOnce(&mut Stage) -> Result<()>>(self, body: F) -> Result<()> {
        let evidence = Evidence::new(test_name::<F>())?;
        let system = System::start(&evidence, &self.settings, self.populated).await?;
        let page = Page::start(evidence.folder(), system.url("")).await?;
        let mut stage = Stage { system, page };

        let outcome = AssertUnwindSafe(body(&mut stage)).catch_unwind().await;
        let console = stage.page.complaints().await.unwrap_or_default();
        let outcome = outcome.map(|result| result.and_then(|()| self.check(&console)));
        let passed = matches!(outcome, Ok(Ok(())));
        if !passed {
            evidence.take(&stage.page, &console).await;
            eprintln!("evidence: {}", evidence.folder().display());
        }
        let closed = stage.page.driver.clone().quit().await;
        match outcome {
            Err(panic) => resume_unwind(panic),
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => {
                closed?;
                evidence.forget();
                Ok(())
            }
        }
    }

    fn check(&self, console: &[String]) -> Result<()> {
        let expected = |line: &&String| {
            line.contains(NOT_SIGNED_IN) || self.provokes.iter().any(|complaint| line.contains(complaint))
        };
        let rest: Vec<_> = console.iter().filter(|line| !expected(line)).map(String::as_str).collect();
        if !rest.is_empty() {
            bail!("complaints in the browser's console:\n{}", rest.join("\n"));
        }
        Ok(())
    }
}

impl Stage {
    /// A second browser, on another device as it were. Nobody looks into its console; close it.
    pub async fn another_page(&self) -> Result<Page> {
        Page::start(&self.system.logs, self.system.url("")).await
    }

    /// Opens the page and signs the demo user in, as far as the home page.
    pub async fn sign_in(&self) -> Result<()> {
        self.page.sign_in(DEMO.email, DEMO.password).await
    }

    /// Fills in the form that is on the page, sends it and waits for the answer.
    pub async fn submit(&self, email: &str, password: &str) -> Result<()> {
        self.page.submit(email, password).await
    }

    /// The uid that the SDK in the page says is logged in, or nothing.
    pub async fn chat_user(&self) -> Result<String> {
        self.page.chat_user().await
    }

    /// Ends the browser's session without the browser, as another device would.
    pub async fn end_session_elsewhere(&self) -> Result<()> {
        let cookies = self.page.driver.get_all_cookies().await?;
        let cookies: Vec<_> =
            cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        ensure!(!cookies.is_empty(), "nobody is signed in");
        let logout = self.system.http.post(self.system.url(shared::routes::LOGOUT));
        logout.header("cookie", cookies.join("; ")).send().await?.error_for_status()?;
        Ok(())
    }
}

/// The test's own name, which stands in the type of its body: `browser::chat::name::{{closure}}::…`.
fn test_name<F>() -> &'static str {
    let path = std::any::type_name::<F>();
    path.split("::").take_while(|part| !part.starts_with("{{")).last().unwrap_or(path)
}
