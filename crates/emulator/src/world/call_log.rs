//! The log of API calls, so that tests can see which requests arrived and what the responses were.

use serde::Serialize;
use std::collections::VecDeque;

const MAX_CALLS: usize = 1000;

/// The three interfaces of the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Calls of a server with an API key.
    Rest,
    /// Calls of an SDK with a user's auth token.
    Client,
    /// WebSocket connections.
    Socket,
}

/// A logged call.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    #[serde(skip)]
    id: u64,
    pub api: Api,
    pub method: String,
    pub path: String,
    /// `None` until the response, and for good if a fault dropped the connection.
    pub status: Option<u16>,
    /// CometChat's error code if the response is an error.
    pub code: Option<String>,
}

/// The last [`MAX_CALLS`] calls.
#[derive(Default)]
pub struct CallLog {
    log: VecDeque<Call>,
    last_id: u64,
}

impl CallLog {
    /// Adds a call and returns its id for [`Self::record_response`].
    pub fn record_request(&mut self, api: Api, method: String, path: String) -> u64 {
        if self.log.len() == MAX_CALLS {
            self.log.pop_front();
        }
        self.last_id += 1;
        self.log.push_back(Call { id: self.last_id, api, method, path, status: None, code: None });
        self.last_id
    }

    /// Adds the response to a call. Does nothing if the log no longer has the call.
    pub fn record_response(&mut self, id: u64, status: u16, code: Option<String>) {
        if let Some(call) = self.log.iter_mut().rev().find(|call| call.id == id) {
            call.status = Some(status);
            call.code = code;
        }
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Call> + ExactSizeIterator {
        self.log.iter()
    }

    pub fn clear(&mut self) {
        self.log.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_over_its_limit_drops_the_oldest_call() {
        let mut calls = CallLog::default();
        for n in 0..=MAX_CALLS {
            calls.record_request(Api::Rest, "GET".into(), format!("/v3/users/{n}"));
        }
        assert_eq!(calls.iter().count(), MAX_CALLS);
        assert_eq!(calls.iter().next().unwrap().path, "/v3/users/1");
    }

    #[test]
    fn response_after_a_reset_is_not_logged() {
        let mut calls = CallLog::default();
        let before = calls.record_request(Api::Rest, "GET".into(), "/a".into());
        calls.clear();
        calls.record_request(Api::Rest, "GET".into(), "/b".into());
        calls.record_response(before, 200, None);
        assert_eq!(calls.iter().next().unwrap().status, None);
    }
}
