//! The line to the database or to CometChat fails at every single step of signing in, registering and signing out.
//! Whatever is answered then is true, everything works again by itself, and nothing is lost.

use crate::common::{self, consistency::Agreement};
use crate::fault_proxy::{Fault, Line};
use crate::helpers::*;
use futures_util::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::json;
use shared::{ErrorCode, LoginResponse};
use std::time::{Duration, Instant};

/// Late, and not too late for anybody.
const LATE: Fault = Fault::Delay(Duration::from_millis(100));

/// A sign-in waits little longer than this for CometChat, on a busy machine also without a fault.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which line is a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Database,
    CometChat,
}

impl To {
    /// The longest that an answer may take when it falls silent: two statements' time, and what a sign-in waits for
    /// CometChat, each with something for a busy machine.
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
    line: Line,
    agreement: Agreement,
}

impl Stage {
    async fn new(to: To) -> Self {
        let mut line = None;
        let app = TestApp::start_with(|config| {
            line = Some(match to {
                To::Database => Line::before_database(config),
                To::CometChat => Line::before(&mut config.cometchat.endpoint.base),
            });
        })
        .await;
        // Makes the demo user at CometChat, so that both sides agree.
        app.signed_in().await;
        let agreement = Agreement::new(&app.emulator.url, app.db.clone());
        Self { app, to, line: line.unwrap(), agreement }
    }

    /// Goes through once while this happens at this step. Says whether it did.
    async fn go_through(&self, flow: Flow, step: usize, fault: Fault) -> bool {
        let email = format!("step{step}@example.com");
        let mut browser = self.app.browser();
        if flow == Flow::SignOut {
            browser.sign_in(EMAIL, PASSWORD).await;
        }
        self.line.strike(step, fault);
        let since = Instant::now();
        let answer = tokio::time::timeout(self.to.limit(), ask(&mut browser, flow, &email)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{flow:?}, step {step}: no answer in time"));
        let took = since.elapsed();
        // What is left to be done goes over the line as well.
        let is_over = async || self.line.has_struck() || self.agreement.is_settled().await;
        self.app.in_the_end("it has struck, or nothing is left to do", is_over).await;
        let has_struck = self.line.disarm();

        let must_work = self.to == To::CometChat || !has_struck || fault == LATE;
        let has_worked = answer.status() == flow.success();
        let mut token = None;
        if !has_worked {
            let status = answer.status();
            assert!(!must_work, "{flow:?}, step {step}: {status} {}", answer.text().await.unwrap());
            let error = failure(answer, ErrorCode::Unavailable).await;
            assert!(error.retry_after_seconds.is_some());
        } else if flow != Flow::SignOut {
            token = answer.json::<LoginResponse>().await.unwrap().cometchat_auth_token;
            let may_lack_it = (has_struck && fault != LATE) || took > PATIENCE;
            assert!(token.is_some() || may_lack_it, "{flow:?}, step {step}: no token, after {took:?}");
        }

        // Also for whom the step has left something locked.
        let works_again = async || {
            let mut other = self.app.browser();
            other.login(EMAIL, PASSWORD).await.status() == StatusCode::OK
                && other.logout().await.status() == StatusCode::NO_CONTENT
        };
        eventually("signing in works again", works_again).await;
        self.agreement.holds().await;
        if let Some(token) = token {
            let theirs = self.agreement.theirs().await;
            assert!(theirs.values().any(|(_, tokens)| tokens.iter().any(|theirs| theirs == token.expose())));
        }
        self.is_true(&mut browser, flow, &email, has_worked).await;
        self.app.in_the_end("nothing is left to do", || self.agreement.is_settled()).await;
        self.agreement.is_complete().await;
        has_struck
    }

    /// What was answered is so; and what was not done can be done again.
    async fn is_true(&self, browser: &mut Browser, flow: Flow, email: &str, has_worked: bool) {
        if has_worked {
            assert_eq!(browser.is_signed_in().await, flow != Flow::SignOut);
        }
        if flow == Flow::Register {
            eventually("the address is free, or it was taken by this", async || {
                let again = self.app.browser().register(email, common::PASSWORD, "Ada").await.status();
                assert!(again != StatusCode::CREATED || !has_worked, "registered twice");
                again == StatusCode::CREATED || again.as_u16() == ErrorCode::EmailTaken.status()
            })
            .await;
            browser.sign_in(email, common::PASSWORD).await;
        }
        assert_eq!(browser.logout().await.status(), StatusCode::NO_CONTENT);
        assert!(!browser.is_signed_in().await);
    }
}

async fn ask(browser: &mut Browser, flow: Flow, email: &str) -> Response {
    match flow {
        Flow::SignIn => browser.login(EMAIL, PASSWORD).await,
        Flow::Register => browser.register(email, common::PASSWORD, "Ada").await,
        Flow::SignOut => browser.logout().await,
    }
}

/// Has this happen at one step after the other of everything, until there are no more. `side_by_side`: the steps
/// are shared out to so many servers, because each takes long.
async fn every_step(to: To, fault: Fault, side_by_side: usize) {
    if to == To::Database && !common::is_on_postgres() {
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
        while stage.go_through(flow, step, fault).await {
            step += side_by_side;
        }
        assert!(step >= 2, "{flow:?} has gone over the line");
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

/// Among them those in which a connection is made: its greeting, who it is for, and its settings.
#[tokio::test(flavor = "multi_thread")]
async fn database_garbage_on_connect_returns_503() {
    if !common::is_on_postgres() {
        return;
    }
    let stage = Stage::new(To::Database).await;
    let (browser, _) = stage.app.signed_in().await;
    for step in 0..20 {
        // Nothing is left of the connections that were open.
        stage.line.cut();
        failure(browser.session().await, ErrorCode::Unavailable).await;
        stage.line.mend();
        stage.line.strike(step, Fault::Garble);
        while !stage.line.has_struck() {
            let answer = browser.session().await;
            if answer.status() != StatusCode::OK {
                failure(answer, ErrorCode::Unavailable).await;
            }
        }
        eventually("signed in", async || browser.session().await.status() == StatusCode::OK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_survives_database_cut_after_commit() {
    if !common::is_on_postgres() {
        return;
    }
    let stage = Stage::new(To::Database).await;
    let emulator = &stage.app.emulator;
    for step in 0.. {
        // It is committed when CometChat is asked.
        emulator.fault(json!({"api": "rest", "method": "POST", "path": "/users", "kind": "hang"})).await;
        let asked = emulator.calls("POST", "/users").await;
        let mut browser = stage.app.browser();
        let registering = tokio::spawn(async move {
            let answer = browser.register(&format!("step{step}@example.com"), common::PASSWORD, "Ada").await;
            (browser, answer.status())
        });
        eventually("CometChat is asked", async || emulator.calls("POST", "/users").await > asked).await;
        stage.line.strike(step, Fault::Cut);
        emulator.mend().await;
        let (browser, status) = registering.await.unwrap();
        let has_struck = stage.line.disarm();
        assert_eq!(status, StatusCode::CREATED, "step {step}");
        eventually("signed in", async || browser.session().await.status() == StatusCode::OK).await;
        stage.app.in_the_end("nothing is left to do", || stage.agreement.is_settled()).await;
        stage.agreement.is_complete().await;
        if !has_struck {
            assert!(step > 2, "there was something after the commit");
            return;
        }
    }
}
