//! Fails the connection to the database or to CometChat at each step of login, registration and sign-out. Each response
//! must be true, the server must recover by itself, and no data may be lost.

use crate::fault_proxy::{Fault, FaultProxy};
use crate::helpers::*;
use futures_util::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::json;
use shared::{ErrorCode, LoginResponse};
use std::time::{Duration, Instant};
use test_support::ConsistencyChecker;

/// A delay that is shorter than every timeout.
const LATE: Fault = Fault::Delay(Duration::from_millis(100));

/// The time that a login waits for CometChat; a busy machine can reach it without a fault.
const PATIENCE: Duration = Duration::from_secs(2);

/// The connection that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Database,
    CometChat,
}

impl To {
    /// Returns the maximum response time while the connection is silent: the timeouts of two statements and of
    /// CometChat, plus a margin for a busy machine.
    fn limit(self) -> Duration {
        Duration::from_secs(if self == Self::Database { 13 } else { 5 })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    SignIn,
    Register,
    SignOut,
}

impl Flow {
    fn success(self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::OK,
            Self::Register => StatusCode::CREATED,
            Self::SignOut => StatusCode::NO_CONTENT,
        }
    }
}

struct Stage {
    app: TestApp,
    to: To,
    proxy: FaultProxy,
    consistency: ConsistencyChecker,
}

impl Stage {
    async fn new(to: To) -> Self {
        let mut proxy = None;
        let app = TestApp::start_with(|config| {
            proxy = Some(match to {
                To::Database => FaultProxy::before_database(config),
                To::CometChat => FaultProxy::before(&mut config.cometchat.endpoint.base),
            });
        })
        .await;
        // Creates the demo user at CometChat, so that both sides are in sync.
        app.signed_in().await;
        let consistency = ConsistencyChecker::new(app.emulator.clone(), app.db.clone());
        Self { app, to, proxy: proxy.unwrap(), consistency }
    }

    /// Runs the flow with the fault at this step. Returns whether the flow has so many steps.
    async fn run_flow(&self, flow: Flow, step: usize, fault: Fault) -> bool {
        let email = format!("step{step}@example.com");
        let mut browser = self.app.browser();
        if flow == Flow::SignOut {
            browser.sign_in(EMAIL, PASSWORD).await;
        }
        self.proxy.inject(step, fault);
        let since = Instant::now();
        let response = tokio::time::timeout(self.to.limit(), ask(&mut browser, flow, &email)).await;
        let response = response.unwrap_or_else(|_| panic!("{flow:?}, step {step}: no answer in time"));
        let took = since.elapsed();
        // Pending jobs use the connection, too.
        let is_over = async || self.proxy.was_injected() || self.consistency.has_no_jobs().await;
        self.app.eventually_over_time("it has struck, or nothing is left to do", is_over).await;
        let was_injected = self.proxy.disarm();

        let must_work = self.to == To::CometChat || !was_injected || fault == LATE;
        let has_worked = response.status() == flow.success();
        let mut token = None;
        if !has_worked {
            let status = response.status();
            assert!(!must_work, "{flow:?}, step {step}: {status} {}", response.text().await.unwrap());
            let error = failure(response, ErrorCode::Unavailable).await;
            assert!(error.retry_after_seconds.is_some());
        } else if flow != Flow::SignOut {
            token = response.json::<LoginResponse>().await.unwrap().cometchat_auth_token;
            let may_lack_it = if was_injected { fault != LATE } else { took > PATIENCE };
            assert!(token.is_some() || may_lack_it, "{flow:?}, step {step}: no token, after {took:?}");
        }

        // Fails if the step has left a lock behind.
        let works_again = async || {
            let mut other = self.app.browser();
            other.login(EMAIL, PASSWORD).await.status() == StatusCode::OK
                && other.logout().await.status() == StatusCode::NO_CONTENT
        };
        eventually("signing in works again", works_again).await;
        self.consistency.assert_no_orphans().await;
        if let Some(token) = token {
            let theirs = self.consistency.cometchat_users().await;
            assert!(theirs.values().any(|(_, tokens)| tokens.iter().any(|theirs| theirs == token.expose())));
        }
        self.assert_consistent(&mut browser, flow, &email, has_worked).await;
        self.app.eventually_over_time("nothing is left to do", || self.consistency.has_no_jobs()).await;
        self.consistency.assert_in_sync().await;
        was_injected
    }

    /// Asserts that the response was true, and that a failed flow can be repeated.
    async fn assert_consistent(&self, browser: &mut Browser, flow: Flow, email: &str, has_worked: bool) {
        if has_worked {
            assert_eq!(browser.is_signed_in().await, flow != Flow::SignOut);
        }
        if flow == Flow::Register {
            eventually("the address is free, or it was taken by this", async || {
                let again = self.app.browser().register(email, test_support::PASSWORD, "Ada").await.status();
                assert!(again != StatusCode::CREATED || !has_worked, "registered twice");
                again == StatusCode::CREATED || again.as_u16() == ErrorCode::EmailTaken.status()
            })
            .await;
            browser.sign_in(email, test_support::PASSWORD).await;
        }
        assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
        assert!(!browser.is_signed_in().await);
    }
}

async fn ask(browser: &mut Browser, flow: Flow, email: &str) -> Response {
    match flow {
        Flow::SignIn => browser.login(EMAIL, PASSWORD).await,
        Flow::Register => browser.register(email, test_support::PASSWORD, "Ada").await,
        Flow::SignOut => browser.logout().await,
    }
}

/// Injects the fault at each step of each flow. `side_by_side` is the number of servers that share the steps, because a
/// step can take several seconds.
async fn every_step(to: To, fault: Fault, side_by_side: usize) {
    if to == To::Database && !test_support::uses_postgres() {
        return;
    }
    let mut shares = Vec::new();
    for flow in [Flow::SignIn, Flow::Register, Flow::SignOut] {
        for first in 0..side_by_side {
            shares.push((flow, first, Stage::new(to).await));
        }
    }
    join_all(shares.into_iter().map(|(flow, first, stage)| async move {
        let mut step = first;
        while stage.run_flow(flow, step, fault).await {
            step += side_by_side;
        }
        assert!(step >= 2, "{flow:?} has used the connection");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn database_cut_at_any_step_loses_nothing() {
    every_step(To::Database, Fault::Cut, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn database_garbled_at_any_step_loses_nothing() {
    every_step(To::Database, Fault::Garble, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn database_silent_at_any_step_loses_nothing() {
    every_step(To::Database, Fault::Silence, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn database_slow_at_any_step_fails_nothing() {
    every_step(To::Database, LATE, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cometchat_cut_at_any_step_loses_nothing() {
    every_step(To::CometChat, Fault::Cut, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cometchat_garbled_at_any_step_loses_nothing() {
    every_step(To::CometChat, Fault::Garble, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cometchat_silent_at_any_step_loses_nothing() {
    every_step(To::CometChat, Fault::Silence, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cometchat_slow_at_any_step_fails_nothing() {
    every_step(To::CometChat, LATE, 1).await;
}

/// Includes the steps of opening a connection: handshake and authentication.
#[tokio::test(flavor = "multi_thread")]
async fn database_garbage_on_connect_returns_503() {
    if !test_support::uses_postgres() {
        return;
    }
    let stage = Stage::new(To::Database).await;
    let (browser, _) = stage.app.signed_in().await;
    for step in 0..20 {
        // Closes all pooled connections.
        stage.proxy.cut();
        failure(browser.session().await, ErrorCode::Unavailable).await;
        stage.proxy.restore();
        stage.proxy.inject(step, Fault::Garble);
        while !stage.proxy.was_injected() {
            let response = browser.session().await;
            if response.status() != StatusCode::OK {
                failure(response, ErrorCode::Unavailable).await;
            }
        }
        eventually("signed in", async || browser.session().await.status() == StatusCode::OK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_survives_database_cut_after_commit() {
    if !test_support::uses_postgres() {
        return;
    }
    let stage = Stage::new(To::Database).await;
    let emulator = &stage.app.emulator;
    for step in 0.. {
        // The registration is committed when the server calls CometChat.
        emulator.add_fault(json!({"api": "rest", "method": "POST", "path": "/users", "kind": "hang"})).await;
        let asked = emulator.calls("POST", "/users").await;
        let mut browser = stage.app.browser();
        let registering = tokio::spawn(async move {
            let response =
                browser.register(&format!("step{step}@example.com"), test_support::PASSWORD, "Ada").await;
            (browser, response.status())
        });
        eventually("CometChat is asked", async || emulator.calls("POST", "/users").await > asked).await;
        stage.proxy.inject(step, Fault::Cut);
        emulator.clear_faults().await;
        let (browser, status) = registering.await.unwrap();
        let was_injected = stage.proxy.disarm();
        assert_eq!(status, StatusCode::CREATED, "step {step}");
        eventually("signed in", async || browser.session().await.status() == StatusCode::OK).await;
        stage.app.eventually_over_time("nothing is left to do", || stage.consistency.has_no_jobs()).await;
        stage.consistency.assert_in_sync().await;
        if !was_injected {
            assert!(step > 2, "there are steps after the commit");
            return;
        }
    }
}
