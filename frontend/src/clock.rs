//! Moments in the reader's own language and time zone.

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use wasm_bindgen::JsValue;

struct Formats {
    time: Function,
    day: Function,
    weekday: Function,
}

thread_local! {
    /// Making one costs a hundred times what using it does.
    static FORMATS: Formats = Formats {
        time: format(&[("hour", "2-digit"), ("minute", "2-digit")]),
        day: format(&[("day", "numeric"), ("month", "long"), ("year", "numeric")]),
        weekday: format(&[("weekday", "long")]),
    };
}

fn format(options: &[(&str, &str)]) -> Function {
    let object = Object::new();
    for (name, value) in options {
        // A fresh object takes any property.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    Intl::DateTimeFormat::new(&Array::new(), &object).format()
}

fn date(unix_seconds: i64) -> Date {
    // Exact for any date that a browser shows.
    Date::new(&JsValue::from_f64(unix_seconds as f64 * 1_000.0))
}

fn written(format: &Function, date: &Date) -> String {
    format.call1(&JsValue::UNDEFINED, date).ok().and_then(|text| text.as_string()).unwrap_or_default()
}

/// The time of day, like 14:32.
pub fn time(unix_seconds: i64) -> String {
    FORMATS.with(|formats| written(&formats.time, &date(unix_seconds)))
}

/// For programs.
pub fn iso(unix_seconds: i64) -> String {
    String::from(date(unix_seconds).to_iso_string())
}

/// The moment itself, for who points at it.
pub fn exact(unix_seconds: i64) -> String {
    String::from(date(unix_seconds).to_locale_string("default", &JsValue::UNDEFINED))
}

/// Days since 1970 where the reader is.
pub fn day_number(unix_seconds: i64) -> i64 {
    let offset = date(unix_seconds).get_timezone_offset() as i64 * 60;
    (unix_seconds - offset).div_euclid(86_400)
}

/// The day, like Today, Yesterday, Monday, or 3 March 2026.
pub fn day(unix_seconds: i64) -> String {
    let now = (crate::browser::now_ms() / 1_000.0) as i64;
    let moment = date(unix_seconds);
    match day_number(now) - day_number(unix_seconds) {
        0 => "Today".to_owned(),
        1 => "Yesterday".to_owned(),
        2..=6 => FORMATS.with(|formats| written(&formats.weekday, &moment)),
        _ => FORMATS.with(|formats| written(&formats.day, &moment)),
    }
}

/// As short as a list wants it: the time today, the day before that.
pub fn short(unix_seconds: i64) -> String {
    let now = (crate::browser::now_ms() / 1_000.0) as i64;
    if day_number(now) == day_number(unix_seconds) { time(unix_seconds) } else { day(unix_seconds) }
}
