//! Faults that a test switches on: which calls they hit and what then happens to those. The first
//! fault that matches a call is the one that acts; a fault with `times` is gone when used up.

use super::Api;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    Rest,
    Client,
    Socket,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Answers after `millis`.
    Delay,
    /// Answers nothing until the faults are cleared, then goes on as if nothing had been.
    Hang,
    /// Cuts the connection without an answer. A browser asks once more where it had used the connection
    /// before, so `times` counts that too.
    Drop,
    /// Answers `status` with CometChat's error body.
    Status,
    /// Answers 200 with bytes that are not JSON.
    Garbage,
}

/// As a test asks for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultSpec {
    api: Target,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Anywhere in the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Absent: until cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
}

impl FaultSpec {
    fn effect(&self, cleared: &watch::Sender<()>) -> Result<Effect, String> {
        let only_with = |given: bool, field: &str, kind: Kind, name: &str| {
            if given && self.kind != kind {
                Err(format!("`{field}` goes with kind `{name}` only"))
            } else {
                Ok(())
            }
        };
        only_with(self.millis.is_some(), "millis", Kind::Delay, "delay")?;
        only_with(self.status.is_some(), "status", Kind::Status, "status")?;
        only_with(self.code.is_some(), "code", Kind::Status, "status")?;
        only_with(self.retry_after.is_some(), "retryAfter", Kind::Status, "status")?;
        if self.times == Some(0) {
            return Err(
                "`times` must be at least 1; leave it out for a fault that stays until cleared".into()
            );
        }
        Ok(match self.kind {
            Kind::Delay => Effect::Delay { millis: self.millis.ok_or("kind `delay` needs `millis`")? },
            Kind::Hang => Effect::Hang { cleared: cleared.subscribe() },
            Kind::Drop => Effect::Drop,
            Kind::Garbage => Effect::Garbage,
            Kind::Status => {
                let status = self.status.ok_or("kind `status` needs `status`")?;
                if !(200..=599).contains(&status) {
                    return Err("`status` must be from 200 to 599".into());
                }
                let code = self.code.clone().unwrap_or_else(|| "ERR_EXCEPTION".into());
                Effect::Status { status, code, retry_after: self.retry_after }
            }
        })
    }

    fn hits(&self, api: Api, method: &str, path: &str) -> bool {
        let api = match self.api {
            Target::Rest => api == Api::Rest,
            Target::Client => api == Api::Client,
            Target::Socket => api == Api::Socket,
            Target::All => true,
        };
        api && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|part| path.contains(part))
    }
}

/// What happens to a call that is hit.
#[derive(Debug, Clone)]
pub enum Effect {
    Delay { millis: u64 },
    Hang { cleared: watch::Receiver<()> },
    Drop,
    Status { status: u16, code: String, retry_after: Option<u64> },
    Garbage,
}

#[derive(Debug, Serialize)]
pub struct Fault {
    id: u64,
    #[serde(flatten)]
    spec: FaultSpec,
}

#[derive(Default)]
pub struct Faults {
    active: Vec<Fault>,
    last_id: u64,
    cleared: watch::Sender<()>,
}

impl Faults {
    /// The id of the new fault, or in words why there is none.
    pub fn add(&mut self, spec: FaultSpec) -> Result<u64, String> {
        spec.effect(&self.cleared)?;
        self.last_id += 1;
        self.active.push(Fault { id: self.last_id, spec });
        Ok(self.last_id)
    }

    pub fn take(&mut self, api: Api, method: &str, path: &str) -> Option<Effect> {
        let position = self.active.iter().position(|fault| fault.spec.hits(api, method, path))?;
        let fault = self.active.get_mut(position)?;
        let effect = fault.spec.effect(&self.cleared).ok();
        if let Some(times) = &mut fault.spec.times {
            *times -= 1;
            if *times == 0 {
                self.active.remove(position);
            }
        }
        effect
    }

    /// With `times` counting down to what is left.
    pub fn active(&self) -> &[Fault] {
        &self.active
    }

    /// Lets hanging calls go on, those of used-up faults too.
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
    fn a_fault_hits_only_the_calls_it_names() {
        let mut faults = Faults::default();
        add(&mut faults, json!({ "api": "rest", "method": "post", "path": "/auth_tokens", "kind": "drop" }))
            .unwrap();
        assert!(faults.take(Api::Client, "POST", "/v3/users/a/auth_tokens").is_none());
        assert!(faults.take(Api::Rest, "GET", "/v3/users/a/auth_tokens").is_none());
        assert!(faults.take(Api::Rest, "POST", "/v3/users").is_none());
        assert!(faults.take(Api::Rest, "POST", "/v3/users/a/auth_tokens").is_some());
    }

    #[test]
    fn a_fault_is_gone_when_used_up() {
        let mut faults = Faults::default();
        add(&mut faults, json!({ "api": "all", "kind": "drop", "times": 2 })).unwrap();
        assert!(faults.take(Api::Rest, "GET", "/").is_some());
        assert!(faults.take(Api::Socket, "GET", "/").is_some());
        assert!(faults.take(Api::Rest, "GET", "/").is_none());
        assert!(faults.active().is_empty());
    }

    #[test]
    fn a_senseless_fault_is_refused_in_words() {
        let mut faults = Faults::default();
        for (spec, words) in [
            (json!({ "api": "rest", "kind": "delay" }), "needs `millis`"),
            (json!({ "api": "rest", "kind": "status" }), "needs `status`"),
            (json!({ "api": "rest", "kind": "status", "status": 99 }), "from 200 to 599"),
            (json!({ "api": "rest", "kind": "hang", "millis": 5 }), "`millis` goes with"),
            (json!({ "api": "rest", "kind": "drop", "times": 0 }), "at least 1"),
            (json!({ "api": "rest", "kind": "explode" }), "unknown variant `explode`"),
            (json!({ "api": "rest", "kind": "drop", "tmies": 1 }), "unknown field `tmies`"),
        ] {
            let refusal = add(&mut faults, spec).unwrap_err();
            assert!(refusal.contains(words), "{refusal:?} does not say {words:?}");
        }
        assert!(faults.active().is_empty());
    }
}
