//! Extractors of JSON bodies and query strings. A body is checked field by field, and the error
//! response lists all invalid fields at once. The module checks lengths and counts, but does not know
//! what the fields mean.

use crate::errors::{InvalidFields, RestError};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use std::{collections::HashMap, convert::Infallible, future::Ready};

/// A JSON object. An empty body counts as an empty object, because SDKs send none where all fields
/// are optional. The content type is ignored: CometChat's SDK sends it on calls without a body too.
pub struct JsonBody {
    pub fields: Fields,
    text: String,
}

impl JsonBody {
    pub fn max_bytes(self, max: usize) -> Result<Self, RestError> {
        if self.text.len() > max {
            return Err(RestError::invalid("body", format!("The body may not be greater than {max} bytes.")));
        }
        Ok(self)
    }

    pub fn max_chars(self, max: usize) -> Result<Self, RestError> {
        if self.text.chars().count() > max {
            return Err(RestError::invalid(
                "body",
                format!("The body may not be greater than {max} characters."),
            ));
        }
        Ok(self)
    }
}

impl FromRequest for JsonBody {
    type Error = RestError;
    type Future = LocalBoxFuture<'static, Result<Self, RestError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = String::from_request(request, payload);
        Box::pin(async move {
            let text = text
                .await
                .map_err(|error| RestError::Malformed(format!("The body cannot be read: {error}")))?;
            let values = if text.trim().is_empty() {
                Map::new()
            } else {
                serde_json::from_str(&text).map_err(|error| {
                    RestError::Malformed(format!("The body is not a JSON object: {error}"))
                })?
            };
            Ok(Self { fields: Fields { values, invalid: InvalidFields::new() }, text })
        })
    }
}

/// The fields of a body. Each reader records errors and goes on; [`Fields::finish`] returns them all.
pub struct Fields {
    values: Map<String, Value>,
    invalid: InvalidFields,
}

impl Fields {
    fn record_error(&mut self, name: &str, message: impl Into<String>) {
        self.invalid.entry(name.to_owned()).or_default().push(message.into());
    }

    /// Returns a field. An absent field and `null` are the same.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.record_error(name, format!("The {name} must be a string."));
                return None;
            }
        };
        if text.chars().count() > max_chars {
            self.record_error(name, format!("The {name} may not be greater than {max_chars} characters."));
        }
        Some(text)
    }

    pub fn require(&mut self, name: &str) {
        if self.value(name).is_none() {
            self.record_error(name, format!("The {name} field is required."));
        }
    }

    /// Reads a text that may be absent, but not blank.
    pub fn non_blank_text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let text = self.text(name, max_chars)?;
        if text.trim().is_empty() {
            self.record_error(name, format!("The {name} field must have a value."));
        }
        Some(text)
    }

    /// Reads a required text. It is blank only after an error was recorded.
    pub fn required_text(&mut self, name: &str, max_chars: usize) -> String {
        self.require(name);
        self.non_blank_text(name, max_chars).unwrap_or_default()
    }

    pub fn link(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let link = self.text(name, max_chars)?;
        if !(link.starts_with("https://") || link.starts_with("http://")) {
            self.record_error(name, format!("The {name} must be a valid URL."));
        }
        Some(link)
    }

    /// Reads a flag. CometChat's own examples use `true`, `"true"` and `1`.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| match value {
            Value::Bool(flag) => *flag,
            Value::String(text) => text == "true" || text == "1",
            Value::Number(number) => number.as_u64() == Some(1),
            _ => false,
        })
    }

    pub fn list(&mut self, name: &str, max_items: usize, max_chars: usize) -> Option<Vec<String>> {
        let list: Option<Vec<String>> = self
            .value(name)?
            .as_array()
            .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        let Some(list) = list else {
            self.record_error(name, format!("The {name} must be an array of strings."));
            return None;
        };
        if list.len() > max_items {
            self.record_error(name, format!("The {name} may not have more than {max_items} items."));
        }
        if list.iter().any(|item| item.chars().count() > max_chars) {
            self.record_error(
                name,
                format!("An item of {name} may not be greater than {max_chars} characters."),
            );
        }
        Some(list)
    }

    pub fn json(&mut self, name: &str, max_bytes: usize) -> Option<Value> {
        let value = self.value(name)?.clone();
        if value.to_string().len() > max_bytes {
            self.record_error(name, format!("The {name} may not be greater than {max_bytes} bytes."));
        }
        Some(value)
    }

    pub fn finish(self) -> Result<(), RestError> {
        if self.invalid.is_empty() { Ok(()) } else { Err(RestError::Invalid(self.invalid)) }
    }
}

/// The query string. Unknown names are ignored, as in the cloud.
pub struct QueryParams(HashMap<String, String>);

impl QueryParams {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name)?.parse().ok()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "1" || text == "true")
    }

    /// Reads a comma-separated list. An absent one is empty.
    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.text(name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}

impl FromRequest for QueryParams {
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
        Fields { values: value.as_object().unwrap().clone(), invalid: InvalidFields::new() }
    }

    #[test]
    fn invalid_fields_are_all_reported_at_once() {
        let mut fields =
            fields(json!({ "name": "n".repeat(101), "tags": "vip", "avatar": "javascript:alert(1)" }));
        fields.required_text("uid", 100);
        fields.text("name", 100);
        fields.list("tags", 25, 100);
        fields.link("avatar", 3000);
        let Err(RestError::Invalid(invalid)) = fields.finish() else { panic!("accepted") };
        assert_eq!(invalid.keys().collect::<Vec<_>>(), ["avatar", "name", "tags", "uid"]);
    }

    #[test]
    fn text_at_its_limit_in_characters_is_accepted() {
        let mut fields = fields(json!({ "name": "ü".repeat(100) }));
        assert_eq!(fields.required_text("name", 100).chars().count(), 100);
        assert_eq!(fields.finish(), Ok(()));
    }

    #[test]
    fn flag_as_text_is_read_like_a_boolean() {
        let fields = fields(json!({ "a": true, "b": "true", "c": "false", "d": 0 }));
        assert_eq!(
            ["a", "b", "c", "d", "e"].map(|name| fields.flag(name)),
            [true, true, false, false, false]
        );
    }
}
