//! Texts made from values, the same wherever they are shown.

use linkify::{LinkFinder, LinkKind};
use shared::visible_text;

/// Formats a wait in seconds, minutes or hours, rounded up so that the user does not return too early.
pub fn wait(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=59 => (seconds, "second"),
        60..=3_540 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3_600), "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// Formats a number with a comma before each three digits.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats how long ago something was, rounded down and never in the future.
pub fn ago(seconds: f64) -> String {
    // The casts saturate, and fractions do not matter.
    let minutes = (seconds / 60.0) as u64;
    let count = |count: u64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match minutes {
        0 | 1 => "just now".to_owned(),
        2..=59 => count(minutes, "minute"),
        60..=1_439 => count(minutes / 60, "hour"),
        1_440..=2_879 => "yesterday".to_owned(),
        _ => count(minutes / 1_440, "day"),
    }
}

/// Returns the first letters of the first and the last word of a name.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// A part of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    Text(&'a str),
    /// An `http` or `https` address without hidden characters; `javascript:` and its like are text.
    Link(&'a str),
}

/// Splits a message into its links and the text between them; together they are the message.
pub fn linkify(text: &str) -> Vec<Segment<'_>> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    let mut segments = Vec::new();
    for span in finder.spans(text) {
        let span = span.as_str();
        // A hidden character could have the address read as another one.
        let end = span
            .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"') || visible_text::is_hidden(c))
            .unwrap_or(span.len());
        let (link, rest) = span.split_at(end);
        if is_web_address(link) {
            segments.push(Segment::Link(link));
            if !rest.is_empty() {
                segments.push(Segment::Text(rest));
            }
        } else {
            segments.push(Segment::Text(span));
        }
    }
    segments
}

fn is_web_address(link: &str) -> bool {
    link.split_once("://").is_some_and(|(scheme, host)| {
        !host.is_empty() && ["https", "http"].iter().any(|web| web.eq_ignore_ascii_case(scheme))
    })
}

/// The text that a link shows: as typed if it begins with the origin that the browser will open, else the
/// whole address in the browser's spelling (so that a host in mixed scripts is shown in Punycode).
pub fn link_text(typed: &str, origin: &str, href: &str) -> String {
    let rest = typed.strip_prefix(origin);
    let is_honest = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
    if is_honest { typed.to_owned() } else { href.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_under_a_minute_is_in_seconds() {
        assert_eq!(wait(1), "1 second");
        assert_eq!(wait(59), "59 seconds");
    }

    #[test]
    fn longer_wait_is_rounded_up_to_minutes_or_hours() {
        assert_eq!(wait(60), "1 minute");
        assert_eq!(wait(61), "2 minutes");
        assert_eq!(wait(3_540), "59 minutes");
        assert_eq!(wait(3_541), "1 hour");
        assert_eq!(wait(3_601), "2 hours");
    }

    #[test]
    fn age_is_in_the_largest_fitting_unit() {
        let said: Vec<String> =
            [-5.0, 0.0, 119.0, 120.0, 3_599.0, 3_600.0, 7_200.0, 86_399.0, 86_400.0, 172_800.0]
                .map(ago)
                .into();
        assert_eq!(
            said,
            [
                "just now",
                "just now",
                "just now",
                "2 minutes ago",
                "59 minutes ago",
                "1 hour ago",
                "2 hours ago",
                "23 hours ago",
                "yesterday",
                "2 days ago"
            ]
        );
    }

    #[test]
    fn large_numbers_are_grouped_by_three_digits() {
        assert_eq!([0, 999, 4_000, 1_234_567].map(grouped), ["0", "999", "4,000", "1,234,567"]);
    }

    #[test]
    fn initials_are_of_the_first_and_last_word() {
        assert_eq!(initials("Test User"), "TU");
        assert_eq!(initials("ada"), "A");
        assert_eq!(initials("  Grace  Brewster Murray Hopper "), "GH");
        assert_eq!(initials("Åsa (work) Öberg"), "ÅÖ");
    }

    #[test]
    fn name_without_letters_has_no_initials() {
        assert_eq!(initials(" … "), "");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn only_web_addresses_become_links() {
        use Segment::{Link, Text};
        assert_eq!(
            linkify("See https://example.com/a?b=c#d, and (http://localhost:4000)."),
            [
                Text("See "),
                Link("https://example.com/a?b=c#d"),
                Text(", and ("),
                Link("http://localhost:4000"),
                Text(").")
            ]
        );
        assert_eq!(linkify("no link: example.com"), [Text("no link: example.com")]);
        assert_eq!(linkify("https://ü.example/ö"), [Link("https://ü.example/ö")]);
    }

    #[test]
    fn script_and_data_urls_stay_text() {
        for text in ["javascript:alert(1)", "data:text/html,x", "<a href=x>", "https://", "http:// x"] {
            assert!(!linkify(text).iter().any(|segment| matches!(segment, Segment::Link(_))), "{text}");
        }
        assert_eq!(
            linkify("https://a.b/\"onclick=x"),
            [Segment::Link("https://a.b/"), Segment::Text("\"onclick=x")]
        );
    }

    #[test]
    fn hidden_characters_end_a_link() {
        for hidden in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{200b}', '\u{2028}', '\u{ad}'] {
            let text = format!("https://good.example/{hidden}gpj.exe");
            let rest = format!("{hidden}gpj.exe");
            assert_eq!(linkify(&text), [Segment::Link("https://good.example/"), Segment::Text(&rest)]);
        }
    }

    #[test]
    fn link_text_is_the_typed_address_or_the_real_one() {
        let text = |typed: &str, origin: &str| link_text(typed, origin, "the real one");
        for typed in
            ["https://a.example", "https://a.example/x?y#z", "https://a.example?q", "https://a.example#f"]
        {
            assert_eq!(text(typed, "https://a.example"), typed);
        }
        for typed in [
            "https://good.example@a.example/",
            "https://a.example.evil.example/",
            "https://a.example\\@good.example/",
            "HTTPS://A.example/",
            "https://a.example:443/",
        ] {
            assert_eq!(text(typed, "https://a.example"), "the real one", "{typed}");
        }
    }

    #[test]
    fn segments_join_to_the_text() {
        for text in
            ["", "a", "https://https://a.b", "x http://a.b http://c.d. y", "http://", "http://a.b/\u{202e}c"]
        {
            let joined: String = linkify(text)
                .iter()
                .map(|segment| match segment {
                    Segment::Text(text) | Segment::Link(text) => *text,
                })
                .collect();
            assert_eq!(joined, text);
        }
    }
}
