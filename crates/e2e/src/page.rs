//! The browser of one test, with its own chromedriver and profile, and the actions of a user in it.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use tempfile::TempDir;
use test_support::{POLL_INTERVAL, Process, TIMEOUT, command};
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, LoggingPrefsLogLevel};

/// Without background requests: a test talks to this machine only. With the pipe, Chromium ends when its
/// driver does.
const FLAGS: [&str; 9] = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
];

/// Matches the prerendered form until the program runs.
const PRERENDERED: &str = "button[type=submit]:disabled";

/// Reports when the program depends on a text node that it added earlier, because a translation of the page replaces
/// all text nodes.
const TEXT_NODE_GUARD: &str = "{
    const added = new WeakSet();
    const add = (node) => node.nodeType === Node.TEXT_NODE ? added.add(node) : node.childNodes.forEach(add);
    new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(add)))
        .observe(document, { childList: true, subtree: true });
    const check = (node, does) => {
        const isOurs = added.has(node) && document.getElementById('page')?.contains(node);
        if (isOurs) console.error(`The program ${does} the text node ${JSON.stringify(node.data)}.`);
    };
    const { insertBefore, removeChild } = Node.prototype;
    Node.prototype.insertBefore = function (node, before) {
        check(node, 'moves');
        check(before, 'inserts before');
        return insertBefore.call(this, node, before);
    };
    Node.prototype.removeChild = function (node) {
        check(node, 'removes');
        return removeChild.call(this, node);
    };
    const { get, set } = Object.getOwnPropertyDescriptor(Node.prototype, 'nodeValue');
    Object.defineProperty(Node.prototype, 'nodeValue', { configurable: true, get, set(value) {
        check(this, 'changes');
        set.call(this, value);
    } });
}";

#[derive(Clone, Copy)]
pub enum Scheme {
    Light,
    Dark,
}

pub struct Page {
    /// For actions without a method here.
    pub driver: WebDriver,
    origin: String,
    // Dropped after the driver, so that the browser ends before its profile is removed.
    _chromedriver: Process,
    _profile: TempDir,
}

/// Whether the developer wants to watch: `HEADED=1` opens a window.
fn is_headed() -> bool {
    std::env::var_os("HEADED").is_some_and(|value| !value.is_empty() && value != "0")
}

fn chromedriver(logs: &Path) -> std::io::Result<Process> {
    let mut command = command("chromedriver");
    command.arg("--port=0");
    Process::start(command, &logs.join("chromedriver.log"))
}

impl Page {
    /// Starts the browser; `logs` is the folder for the driver's log, `preferences` are the browser's settings by name.
    pub(crate) async fn start(logs: &Path, origin: String, preferences: &[(&str, Value)]) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let chromedriver = match chromedriver(logs) {
            Ok(started) => started,
            // It picks a free IPv4 port and then needs the same IPv6 port, which may be in use.
            Err(_) => chromedriver(logs).context(
                "needs Debian's chromium and chromium-driver: run `make test`, or scripts/setup browser",
            )?,
        };
        let mut capabilities = ChromeCapabilities::new();
        for flag in FLAGS {
            capabilities.add_arg(flag)?;
        }
        if !is_headed() {
            capabilities.add_arg("--headless")?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        let preferences: HashMap<&str, &Value> =
            preferences.iter().map(|(name, value)| (*name, value)).collect();
        capabilities.add_experimental_option("prefs", preferences)?;
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let driver = WebDriver::new(&chromedriver.url, capabilities).await?;
        let page = Self { driver, origin, _chromedriver: chromedriver, _profile: profile };
        page.show_as(1000, 760, Scheme::Light).await?;
        page.before_every_page(TEXT_NODE_GUARD).await?;
        Ok(page)
    }

    pub async fn close(self) -> Result<()> {
        Ok(self.driver.clone().quit().await?)
    }

    /// Opens the page and waits until its program runs.
    pub async fn open(&self, path: &str) -> Result<()> {
        self.driver.goto(format!("{}{path}", self.origin)).await?;
        self.see_gone(PRERENDERED).await
    }

    /// Opens the page, signs in and waits for the chat.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<()> {
        self.open("/").await?;
        self.submit(email, password).await?;
        self.see("[data-page=chat]").await.map(drop)
    }

    /// Fills in the login form, sends it and waits for the response.
    pub async fn submit(&self, email: &str, password: &str) -> Result<()> {
        self.see_gone(PRERENDERED).await?;
        self.fill("#email", email).await?;
        self.fill("#password", password).await?;
        self.click("#login button[type=submit]").await?;
        self.see_gone("#login[aria-busy=true]").await
    }

    /// Returns the uid that the SDK in the page is logged in as, or an empty text.
    pub async fn chat_user(&self) -> Result<String> {
        let uid = "return CometChat.getLoggedinUser().then(user => user?.getUid() ?? '')";
        Ok(self.script(uid).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the element is visible.
    pub async fn see(&self, css: &str) -> Result<WebElement> {
        // Errors are ignored because an element can be replaced between the two checks.
        let query =
            self.driver.query(By::Css(css)).wait(TIMEOUT, POLL_INTERVAL).ignore_errors(true).and_displayed();
        query.first().await.with_context(|| format!("timed out waiting for {css}"))
    }

    /// Waits until there is no such element.
    pub async fn see_gone(&self, css: &str) -> Result<()> {
        let query = self.driver.query(By::Css(css)).wait(TIMEOUT, POLL_INTERVAL);
        query.wait_until_gone().await.with_context(|| format!("timed out waiting for {css} to disappear"))
    }

    pub async fn is_there(&self, css: &str) -> Result<bool> {
        Ok(self.driver.query(By::Css(css)).nowait().exists().await?)
    }

    /// Replaces a field's value.
    pub async fn fill(&self, css: &str, text: &str) -> Result<()> {
        let field = self.see(css).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    pub async fn click(&self, css: &str) -> Result<()> {
        Ok(self.see(css).await?.click().await?)
    }

    /// Sends keys to the focused element.
    pub async fn press(&self, keys: impl Into<TypingData>) -> Result<()> {
        Ok(self.driver.action_chain().send_keys(keys).perform().await?)
    }

    /// Returns the id of the focused element.
    pub async fn focus(&self) -> Result<String> {
        Ok(self
            .script("return document.activeElement?.id ?? ''")
            .await?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// Runs a script and returns its result, or what the returned promise resolves to.
    pub async fn script(&self, script: &str) -> Result<Value> {
        Ok(self.driver.execute(script, vec![]).await?.json().clone())
    }

    /// Runs the script in every document from now on, before the document's own scripts.
    pub async fn before_every_page(&self, script: &str) -> Result<()> {
        self.driver.cdp().send_raw("Page.enable", json!({})).await?;
        let script = json!({"source": script});
        self.driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", script).await?;
        Ok(())
    }

    /// Returns axe-core's findings on the page, one line each: WCAG 2.2 at levels A and AA, and best practices.
    pub async fn a11y_violations(&self) -> Result<Vec<String>> {
        let axe =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../frontend/node_modules/axe-core/axe.min.js");
        let axe =
            std::fs::read_to_string(axe).context("needs axe-core: run `make test`, or scripts/setup web")?;
        self.script(&axe).await?;
        let run = "return axe.run().then(found => found.violations.flatMap(violation =>
            violation.nodes.map(node => `${violation.id}: ${violation.help}: ${node.html}`)))";
        let found = self.script(run).await?;
        Ok(found
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|line| line.as_str().map(str::to_owned))
            .collect())
    }

    pub async fn show_as(&self, width: u32, height: u32, scheme: Scheme) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await?;
        let scheme = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Has requests fail whose URL matches one of the patterns.
    pub async fn block(&self, patterns: &[&str]) -> Result<()> {
        self.driver.cdp().send_raw("Network.enable", json!({})).await?;
        self.driver.cdp().send_raw("Network.setBlockedURLs", json!({"urls": patterns})).await?;
        Ok(())
    }

    /// Returns the number of completed requests of this document for this path.
    pub async fn requests(&self, path: &str) -> Result<usize> {
        let paths =
            "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)";
        let paths = self.script(paths).await?;
        Ok(paths.as_array().into_iter().flatten().filter(|found| *found == path).count())
    }

    /// Returns the console's warnings and errors since the last call, including uncaught errors, failed requests
    /// and violations of the content security policy.
    pub async fn console_errors(&self) -> Result<Vec<String>> {
        let log = self.driver.browser_log().await?;
        let bad = log.into_iter().filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"));
        Ok(bad.map(|entry| entry.message).collect())
    }
}
