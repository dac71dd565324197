//! Dates and times in the user's language and time zone.

use crate::browser::timer::now_ms;
use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use wasm_bindgen::JsValue;

struct Formats {
    time: Function,
    day: Function,
    weekday: Function,
}

thread_local! {
    /// Creating a formatter costs a hundred times as much as using it.
    static FORMATS: Formats = Formats {
        time: format(&[("hour", "2-digit"), ("minute", "2-digit")]),
        day: format(&[("day", "numeric"), ("month", "long"), ("year", "numeric")]),
        weekday: format(&[("weekday", "long")]),
    };
}

fn format(options: &[(&str, &str)]) -> Function {
    let object = Object::new();
    for (name, value) in options {
        // Setting a property of a new object cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    Intl::DateTimeFormat::new(&Array::new(), &object).format()
}

fn date(unix_seconds: i64) -> Date {
    // The cast is exact for any date that a browser can show.
    Date::new(&JsValue::from_f64(unix_seconds as f64 * 1_000.0))
}

fn apply(format: &Function, date: &Date) -> String {
    format.call1(&JsValue::UNDEFINED, date).ok().and_then(|text| text.as_string()).unwrap_or_default()
}

/// Formats the time of day, like 14:32.
pub fn time(unix_seconds: i64) -> String {
    FORMATS.with(|formats| apply(&formats.time, &date(unix_seconds)))
}

/// Formats the time for programs.
pub fn iso(unix_seconds: i64) -> String {
    String::from(date(unix_seconds).to_iso_string())
}

/// Formats date and time in full, for tooltips.
pub fn exact(unix_seconds: i64) -> String {
    String::from(date(unix_seconds).to_locale_string("default", &JsValue::UNDEFINED))
}

/// Returns the days since 1970 in the user's time zone.
pub fn day_number(unix_seconds: i64) -> i64 {
    let offset = date(unix_seconds).get_timezone_offset() as i64 * 60;
    (unix_seconds - offset).div_euclid(86_400)
}

/// Formats the day, like Today, Yesterday, Monday, or 3 March 2026.
pub fn day(unix_seconds: i64) -> String {
    let now = (now_ms() / 1_000.0) as i64;
    let moment = date(unix_seconds);
    match day_number(now) - day_number(unix_seconds) {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        2..=6 => FORMATS.with(|formats| apply(&formats.weekday, &moment)),
        _ => FORMATS.with(|formats| apply(&formats.day, &moment)),
    }
}

/// Formats the time if it is today, else the day: for lists.
pub fn short(unix_seconds: i64) -> String {
    let now = (now_ms() / 1_000.0) as i64;
    if day_number(now) == day_number(unix_seconds) { time(unix_seconds) } else { day(unix_seconds) }
}
