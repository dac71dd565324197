//! Faults that a test adds: the calls that a fault matches, and what happens to these. The first
//! fault that matches a call applies. A fault with `times` is removed after that many calls.

use super::call_log::Api;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The API that a fault affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultTarget {
    Rest,
    Client,
    Socket,
    All,
}

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// Delays the response by `millis`.
    Delay,
    /// Holds the call until the faults are cleared, then handles it as usual.
    Hang,
    /// Closes the connection without a response. On a reused connection a browser retries the request
    /// once, and `times` counts the retry too.
    Drop,
    /// Responds with `status` and CometChat's error body.
    Status,
    /// Responds with 200 and a body that is not JSON.
    Garbage,
}

/// A fault as a test requests it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultSpec {
    api: FaultTarget,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// A part of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    kind: FaultKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The number of calls to affect. Without it the fault stays until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
}

impl FaultSpec {
    fn action(&self, cleared: &watch::Sender<()>) -> Result<FaultAction, String> {
        let require_kind = |given: bool, field: &str, kind: FaultKind, name: &str| {
            if given && self.kind != kind {
                Err(format!("`{field}` is only valid with kind `{name}`"))
            } else {
                Ok(())
            }
        };
        require_kind(self.millis.is_some(), "millis", FaultKind::Delay, "delay")?;
        require_kind(self.status.is_some(), "status", FaultKind::Status, "status")?;
        require_kind(self.code.is_some(), "code", FaultKind::Status, "status")?;
        require_kind(self.retry_after.is_some(), "retryAfter", FaultKind::Status, "status")?;
        if self.times == Some(0) {
            return Err(
                "`times` must be at least 1; leave it out for a fault that stays until cleared".into()
            );
        }
        Ok(match self.kind {
            FaultKind::Delay => {
                FaultAction::Delay { millis: self.millis.ok_or("kind `delay` needs `millis`")? }
            }
            FaultKind::Hang => FaultAction::Hang { cleared: cleared.subscribe() },
            FaultKind::Drop => FaultAction::Drop,
            FaultKind::Garbage => FaultAction::Garbage,
            FaultKind::Status => {
                let status = self.status.ok_or("kind `status` needs `status`")?;
                if !(200..=599).contains(&status) {
                    return Err("`status` must be from 200 to 599".into());
                }
                let code = self.code.clone().unwrap_or_else(|| "ERR_EXCEPTION".into());
                FaultAction::Status { status, code, retry_after: self.retry_after }
            }
        })
    }

    fn matches(&self, api: Api, method: &str, path: &str) -> bool {
        let api = match self.api {
            FaultTarget::Rest => api == Api::Rest,
            FaultTarget::Client => api == Api::Client,
            FaultTarget::Socket => api == Api::Socket,
            FaultTarget::All => true,
        };
        api && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|part| path.contains(part))
    }
}

/// The effect of a fault on one call.
#[derive(Debug, Clone)]
pub enum FaultAction {
    Delay { millis: u64 },
    Hang { cleared: watch::Receiver<()> },
    Drop,
    Status { status: u16, code: String, retry_after: Option<u64> },
    Garbage,
}

/// An active fault.
#[derive(Debug, Serialize)]
pub struct Fault {
    id: u64,
    #[serde(flatten)]
    spec: FaultSpec,
}

/// The active faults, in the order in which they were added.
#[derive(Default)]
pub struct Faults {
    active: Vec<Fault>,
    last_id: u64,
    cleared: watch::Sender<()>,
}

impl Faults {
    /// Adds a fault and returns its id, or a message that says why the fault is invalid.
    pub fn add(&mut self, spec: FaultSpec) -> Result<u64, String> {
        spec.action(&self.cleared)?;
        self.last_id += 1;
        self.active.push(Fault { id: self.last_id, spec });
        Ok(self.last_id)
    }

    /// Returns the action of the first matching fault and counts down its `times`.
    pub fn take(&mut self, api: Api, method: &str, path: &str) -> Option<FaultAction> {
        let position = self.active.iter().position(|fault| fault.spec.matches(api, method, path))?;
        let fault = self.active.get_mut(position)?;
        let action = fault.spec.action(&self.cleared).ok();
        if let Some(times) = &mut fault.spec.times {
            *times -= 1;
            if *times == 0 {
                self.active.remove(position);
            }
        }
        action
    }

    /// Returns the active faults. Their `times` is the number of calls left.
    pub fn active(&self) -> &[Fault] {
        &self.active
    }

    /// Removes all faults and releases hanging calls, also those of faults that are used up.
    pub fn clear(&mut self) {
        self.active.clear();
        self.cleared.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn add(faults: &mut Faults, spec: Value) -> Result<u64, String> {
        faults.add(serde_json::from_value(spec).map_err(|error| error.to_string())?)
    }

    #[test]
    fn fault_matches_only_the_calls_it_names() {
        let mut faults = Faults::default();
        add(&mut faults, json!({ "api": "rest", "method": "post", "path": "/auth_tokens", "kind": "drop" }))
            .unwrap();
        assert!(faults.take(Api::Client, "POST", "/v3/users/a/auth_tokens").is_none());
        assert!(faults.take(Api::Rest, "GET", "/v3/users/a/auth_tokens").is_none());
        assert!(faults.take(Api::Rest, "POST", "/v3/users").is_none());
        assert!(faults.take(Api::Rest, "POST", "/v3/users/a/auth_tokens").is_some());
    }

    #[test]
    fn fault_after_its_last_call_is_removed() {
        let mut faults = Faults::default();
        add(&mut faults, json!({ "api": "all", "kind": "drop", "times": 2 })).unwrap();
        assert!(faults.take(Api::Rest, "GET", "/").is_some());
        assert!(faults.take(Api::Socket, "GET", "/").is_some());
        assert!(faults.take(Api::Rest, "GET", "/").is_none());
        assert!(faults.active().is_empty());
    }

    #[test]
    fn invalid_fault_is_rejected_with_a_reason() {
        let mut faults = Faults::default();
        for (spec, reason) in [
            (json!({ "api": "rest", "kind": "delay" }), "needs `millis`"),
            (json!({ "api": "rest", "kind": "status" }), "needs `status`"),
            (json!({ "api": "rest", "kind": "status", "status": 99 }), "from 200 to 599"),
            (json!({ "api": "rest", "kind": "hang", "millis": 5 }), "`millis` is only valid with"),
            (json!({ "api": "rest", "kind": "drop", "times": 0 }), "at least 1"),
            (json!({ "api": "rest", "kind": "explode" }), "unknown variant `explode`"),
            (json!({ "api": "rest", "kind": "drop", "tmies": 1 }), "unknown field `tmies`"),
        ] {
            let error = add(&mut faults, spec).unwrap_err();
            assert!(error.contains(reason), "{error:?} does not contain {reason:?}");
        }
        assert!(faults.active().is_empty());
    }
}
