//! Reads what callers send: JSON bodies, checked field by field with every fault told at once, and
//! query strings. Knows the documented limits' shape (lengths, counts), not what the fields mean.

use crate::errors::{Failure, Problems};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use std::{collections::HashMap, convert::Infallible, future::Ready};

/// A JSON object. An absent body counts as an empty one, because SDKs send none where all fields
/// are optional. The content type is not looked at: CometChat's SDK sends it on bodiless calls too.
pub struct Body {
    pub fields: Fields,
    text: String,
}

impl Body {
    pub fn at_most_bytes(self, most: usize) -> Result<Self, Failure> {
        if self.text.len() > most {
            return Err(Failure::invalid("body", format!("The body may not be greater than {most} bytes.")));
        }
        Ok(self)
    }

    pub fn at_most_characters(self, most: usize) -> Result<Self, Failure> {
        if self.text.chars().count() > most {
            return Err(Failure::invalid(
                "body",
                format!("The body may not be greater than {most} characters."),
            ));
        }
        Ok(self)
    }
}

impl FromRequest for Body {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = String::from_request(request, payload);
        Box::pin(async move {
            let text = text
                .await
                .map_err(|error| Failure::Malformed(format!("The body cannot be read: {error}")))?;
            let values = if text.trim().is_empty() {
                Map::new()
            } else {
                serde_json::from_str(&text)
                    .map_err(|error| Failure::Malformed(format!("The body is not a JSON object: {error}")))?
            };
            Ok(Self { fields: Fields { values, problems: Problems::new() }, text })
        })
    }
}

/// The fields of a body. Each reader notes what is wrong and goes on; [`Fields::finish`] tells all of it.
pub struct Fields {
    values: Map<String, Value>,
    problems: Problems,
}

impl Fields {
    fn problem(&mut self, name: &str, text: impl Into<String>) {
        self.problems.entry(name.to_owned()).or_default().push(text.into());
    }

    /// Absent and `null` are the same.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &str, most_characters: usize) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.problem(name, format!("The {name} must be a string."));
                return None;
            }
        };
        if text.chars().count() > most_characters {
            self.problem(name, format!("The {name} may not be greater than {most_characters} characters."));
        }
        Some(text)
    }

    pub fn require(&mut self, name: &str) {
        if self.value(name).is_none() {
            self.problem(name, format!("The {name} field is required."));
        }
    }

    /// May be absent, but not blank.
    pub fn filled_text(&mut self, name: &str, most_characters: usize) -> Option<String> {
        let text = self.text(name, most_characters)?;
        if text.trim().is_empty() {
            self.problem(name, format!("The {name} field must have a value."));
        }
        Some(text)
    }

    /// Blank only when a problem was noted.
    pub fn required_text(&mut self, name: &str, most_characters: usize) -> String {
        self.require(name);
        self.filled_text(name, most_characters).unwrap_or_default()
    }

    pub fn link(&mut self, name: &str, most_characters: usize) -> Option<String> {
        let link = self.text(name, most_characters)?;
        if !(link.starts_with("https://") || link.starts_with("http://")) {
            self.problem(name, format!("The {name} must be a valid URL."));
        }
        Some(link)
    }

    /// `true`, `"true"` and `1` are all seen in CometChat's own examples.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| match value {
            Value::Bool(flag) => *flag,
            Value::String(text) => text == "true" || text == "1",
            Value::Number(number) => number.as_u64() == Some(1),
            _ => false,
        })
    }

    pub fn list(&mut self, name: &str, most_items: usize, most_characters: usize) -> Option<Vec<String>> {
        let list: Option<Vec<String>> = self
            .value(name)?
            .as_array()
            .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        let Some(list) = list else {
            self.problem(name, format!("The {name} must be an array of strings."));
            return None;
        };
        if list.len() > most_items {
            self.problem(name, format!("The {name} may not have more than {most_items} items."));
        }
        if list.iter().any(|item| item.chars().count() > most_characters) {
            self.problem(
                name,
                format!("An item of {name} may not be greater than {most_characters} characters."),
            );
        }
        Some(list)
    }

    pub fn json(&mut self, name: &str, most_bytes: usize) -> Option<Value> {
        let value = self.value(name)?.clone();
        if value.to_string().len() > most_bytes {
            self.problem(name, format!("The {name} may not be greater than {most_bytes} bytes."));
        }
        Some(value)
    }

    pub fn finish(self) -> Result<(), Failure> {
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::Invalid(self.problems)) }
    }
}

/// The query string. Names that nobody asks for are ignored, as the cloud does.
pub struct Params(HashMap<String, String>);

impl Params {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name)?.parse().ok()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "1" || text == "true")
    }

    /// A comma list; absent is empty.
    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.text(name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}

impl FromRequest for Params {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = web::Query::<HashMap<String, String>>::from_query(request.query_string());
        std::future::ready(Ok(Self(pairs.map(web::Query::into_inner).unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        Fields { values: value.as_object().unwrap().clone(), problems: Problems::new() }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut fields =
            fields(json!({ "name": "n".repeat(101), "tags": "vip", "avatar": "javascript:alert(1)" }));
        fields.required_text("uid", 100);
        fields.text("name", 100);
        fields.list("tags", 25, 100);
        fields.link("avatar", 3000);
        let Err(Failure::Invalid(problems)) = fields.finish() else { panic!("accepted") };
        assert_eq!(problems.keys().collect::<Vec<_>>(), ["avatar", "name", "tags", "uid"]);
    }

    #[test]
    fn a_limit_counts_characters_and_its_exact_value_is_allowed() {
        let mut fields = fields(json!({ "name": "ü".repeat(100) }));
        assert_eq!(fields.required_text("name", 100).chars().count(), 100);
        assert_eq!(fields.finish(), Ok(()));
    }

    #[test]
    fn a_flag_may_be_written_as_text() {
        let fields = fields(json!({ "a": true, "b": "true", "c": "false", "d": 0 }));
        assert_eq!(
            ["a", "b", "c", "d", "e"].map(|name| fields.flag(name)),
            [true, true, false, false, false]
        );
    }
}
