//! Statement parameters.

use std::borrow::Cow;

/// A value bound to a placeholder; `None` is NULL.
#[derive(Debug, Clone)]
pub enum Param<'a> {
    Text(Option<Cow<'a, str>>),
    Int(Option<i64>),
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl From<String> for Param<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl<'a> From<Option<&'a str>> for Param<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Param<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

/// The parameters of a statement: `params![user_id, now]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::db::param::Param::from($value)),*] };
}

/// Serializes many rows into one parameter, a JSON array that the statement takes apart again.
pub fn json_array<T: serde::Serialize>(rows: impl IntoIterator<Item = T>) -> Param<'static> {
    serde_json::Value::from_iter(rows.into_iter().map(|row| serde_json::json!(row))).to_string().into()
}
