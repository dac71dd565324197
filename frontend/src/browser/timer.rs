//! The clock, timeouts, and tasks that can be cancelled.

use super::dom::window;
use futures_channel::oneshot;
use futures_util::future::{AbortHandle, Either, abortable, pending, select};
use gloo_events::EventListener;
use gloo_timers::future::TimeoutFuture;
use js_sys::Promise;
use std::future::Future;
use std::pin::pin;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Returns the milliseconds since 1970.
pub fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// A future that runs in the background until it ends or this is dropped.
pub struct Task(AbortHandle);

impl Task {
    pub fn spawn(work: impl Future<Output = ()> + 'static) -> Self {
        let (work, handle) = abortable(work);
        spawn_local(async move {
            let _ = work.await;
        });
        Self(handle)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until the delay is over, or the browser is online again.
pub async fn sleep_unless_online(delay_ms: u32) {
    let (sender, online) = oneshot::channel();
    let _listener = window().map(|window| {
        EventListener::once(&window, "online", move |_| {
            let _ = sender.send(());
        })
    });
    let online = async {
        if online.await.is_err() {
            pending::<()>().await;
        }
    };
    select(TimeoutFuture::new(delay_ms), pin!(online)).await;
}

/// Why a promise has no value.
#[derive(Debug)]
pub enum PromiseError {
    Rejected(JsValue),
    TimedOut,
}

/// Returns the promise's value, or an error if it is rejected or takes too long.
pub async fn with_timeout(promise: Promise, timeout_ms: u32) -> Result<JsValue, PromiseError> {
    match select(JsFuture::from(promise), TimeoutFuture::new(timeout_ms)).await {
        Either::Left((result, _)) => result.map_err(PromiseError::Rejected),
        Either::Right(_) => Err(PromiseError::TimedOut),
    }
}
