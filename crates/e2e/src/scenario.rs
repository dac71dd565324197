//! One test from setup to teardown: runs the body, checks the console, and keeps the artifacts of a failure.

use crate::artifacts::Artifacts;
use crate::page::Page;
use crate::users::{DEMO, GRACE, User};
use crate::{CONNECTED, eventually};
use anyhow::{Context, Result, bail, ensure};
use futures_util::FutureExt;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use test_support::{Process, TestEmulator, TestEnv, binary, command};

/// Without a session, the page's own check is answered with 401, which the browser reports as an error.
const NOT_SIGNED_IN: &str =
    "/api/session - Failed to load resource: the server responded with a status of 401";

#[derive(Default)]
pub struct Scenario {
    settings: Vec<(&'static str, &'static str)>,
    expected_errors: Vec<&'static str>,
    populated: bool,
    preferences: Vec<(&'static str, Value)>,
}

/// The system and the browser of a test.
pub struct TestContext {
    pub env: TestEnv,
    pub page: Page,
    /// The path of `PUBLIC_URL`.
    base_path: String,
    _emulator: Process,
}

impl Scenario {
    /// Sets an environment variable of the server.
    pub fn setting(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    /// Sets a preference of the browser, as in its settings.
    pub fn preference(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.preferences.push((name, value.into()));
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
        let mut test = self.start(artifacts.folder()).await?;

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

    /// Starts the emulator and the server as they were built, and the browser.
    async fn start(&self, logs: &Path) -> Result<TestContext> {
        let mut emulator = command(binary("cometchat-emulator"));
        emulator.env_clear().args(["--listen", "127.0.0.1:0"]);
        if self.populated {
            emulator.arg("--demo");
        }
        let emulator = Process::start(emulator, &logs.join("emulator.log"))?;
        let mut env = TestEnv::with_emulator(TestEmulator::at(emulator.url.clone())).await;
        env.log = logs.join("server.log");
        env.settings.extend(self.settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        add_user(&env, &DEMO);
        let address = env.start().address().to_owned();
        // A restarted server has the same port, for the page.
        env.settings.push(("LISTEN", address));
        let public_url = self.settings.iter().find(|(name, _)| *name == "PUBLIC_URL");
        let base_path = public_url.and_then(|(_, url)| url.split_once("://")?.1.split_once('/'));
        let base_path = base_path.map(|(_, path)| format!("/{path}")).unwrap_or_default();
        let url = env.url(&base_path);
        let status = env.http.get(format!("{url}/")).send().await?.status();
        ensure!(status == 200, "the server has no page: run `make test`, or scripts/build-frontend");
        let page = Page::start(logs, url, &self.preferences).await?;
        Ok(TestContext { env, page, base_path, _emulator: emulator })
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
    /// Starts a second browser, without the scenario's preferences, whose console is not checked. The test must close it.
    pub async fn another_page(&self) -> Result<Page> {
        let logs = self.env.log.parent().context("a log without a folder")?;
        Page::start(logs, self.url(""), &[]).await
    }

    /// Returns the URL of a path, under the base path of `PUBLIC_URL` if it has one.
    pub fn url(&self, path: &str) -> String {
        self.env.url(&format!("{}{path}", self.base_path))
    }

    /// Adds a user, and waits until CometChat has it.
    pub async fn add_user(&self, user: &User) -> Result<()> {
        add_user(&self.env, user);
        eventually("the user to be at CometChat", async || Ok(self.env.emulator.name(user.id).await))
            .await
            .map(drop)
    }

    /// Signs the demo user in and waits for the chat.
    pub async fn sign_in(&self) -> Result<()> {
        self.page.sign_in(DEMO.email, DEMO.password).await
    }

    /// Adds Grace, signs the demo user in, and opens their conversation.
    pub async fn open_grace(&self) -> Result<()> {
        self.add_user(&GRACE).await?;
        self.sign_in().await?;
        self.page.see(CONNECTED).await?;
        self.page.click("a[href='/chat/grace']").await?;
        self.page.see("main[data-peer=grace] #message").await.map(drop)
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
        let logout = self.env.http.post(self.url(shared::routes::LOGOUT));
        logout.header("cookie", cookies.join("; ")).send().await?.error_for_status()?;
        Ok(())
    }
}

fn add_user(env: &TestEnv, user: &User) {
    let arguments = ["user", "add", "--allow-weak-password", "--id", user.id, "--email", user.email];
    env.run(&[&arguments[..], &["--name", user.name]].concat(), user.password);
}

/// Returns the test's name, from the type of its body: `browser::chat::name::{{closure}}::…`.
fn test_name<F>() -> &'static str {
    let path = std::any::type_name::<F>();
    path.split("::").take_while(|part| !part.starts_with("{{")).last().unwrap_or(path)
}
