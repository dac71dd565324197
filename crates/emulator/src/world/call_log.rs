//! The log of API calls, so that a test can see what really arrived, and whether it was answered.

use serde::Serialize;
use std::collections::VecDeque;

const KEPT: usize = 1000;

/// The three ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Calls of a server, with an API key.
    Rest,
    /// Calls of an SDK, with a user's auth token.
    Client,
    /// WebSocket connections.
    Socket,
}

#[derive(Debug, Clone, Serialize)]
pub struct Call {
    #[serde(skip)]
    id: u64,
    pub api: Api,
    pub method: String,
    pub path: String,
    /// None while it is not answered; stays so when the connection was cut.
    pub status: Option<u16>,
    /// CometChat's error code, when the answer was an error.
    pub code: Option<String>,
}

#[derive(Default)]
pub struct Calls {
    log: VecDeque<Call>,
    last_id: u64,
}

impl Calls {
    pub fn arrived(&mut self, api: Api, method: String, path: String) -> u64 {
        if self.log.len() == KEPT {
            self.log.pop_front();
        }
        self.last_id += 1;
        self.log.push_back(Call { id: self.last_id, api, method, path, status: None, code: None });
        self.last_id
    }

    pub fn answered(&mut self, id: u64, status: u16, code: Option<String>) {
        if let Some(call) = self.log.iter_mut().rev().find(|call| call.id == id) {
            call.status = Some(status);
            call.code = code;
        }
    }

    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Call> + ExactSizeIterator {
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
    fn only_the_last_thousand_calls_are_kept() {
        let mut calls = Calls::default();
        for n in 0..=KEPT {
            calls.arrived(Api::Rest, "GET".into(), format!("/v3/users/{n}"));
        }
        assert_eq!(calls.all().count(), KEPT);
        assert_eq!(calls.all().next().unwrap().path, "/v3/users/1");
    }

    #[test]
    fn a_call_of_before_a_reset_is_not_answered_in_the_new_log() {
        let mut calls = Calls::default();
        let before = calls.arrived(Api::Rest, "GET".into(), "/a".into());
        calls.clear();
        calls.arrived(Api::Rest, "GET".into(), "/b".into());
        calls.answered(before, 200, None);
        assert_eq!(calls.all().next().unwrap().status, None);
    }
}
