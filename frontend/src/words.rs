//! Words that are made from values, the same wherever they are shown.

/// A wait as a person would say it: seconds in the last minute, whole minutes or hours before that,
/// rounded up so that nobody is told to come back too early.
pub fn wait(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=59 => (seconds, "second"),
        60..=3_540 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3_600), "hour"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// How long ago something was, as a person would say it; rounded down, and never in the future.
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

/// One or two letters that stand for a name: the first of its first and of its last word.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// A piece of a text that somebody wrote.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(&'a str),
    /// An address of the web, and of nothing else: `javascript:` and its like are text.
    Link(&'a str),
}

/// The text in pieces, which together are the text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(start) = link_start(rest) {
        let (before, link) = rest.split_at(start);
        let end =
            link.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(link.len());
        let whole = link.split_at(end).0;
        // What ends a sentence does not belong to the address.
        let link = whole.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '…']);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let has_host = link.split_once("://").is_some_and(|(_, host)| !host.is_empty());
        pieces.push(if has_host { Piece::Link(link) } else { Piece::Text(link) });
        rest = rest.split_at(start + link.len()).1;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn link_start(text: &str) -> Option<usize> {
    ["https://", "http://"].iter().filter_map(|scheme| text.find(scheme)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_is_told_in_seconds() {
        assert_eq!(wait(1), "1 second");
        assert_eq!(wait(59), "59 seconds");
    }

    #[test]
    fn longer_waits_are_told_in_whole_minutes_and_hours_rounded_up() {
        assert_eq!(wait(60), "1 minute");
        assert_eq!(wait(61), "2 minutes");
        assert_eq!(wait(3_540), "59 minutes");
        assert_eq!(wait(3_541), "1 hour");
        assert_eq!(wait(3_601), "2 hours");
    }

    #[test]
    fn what_was_long_ago_is_told_in_larger_units() {
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
    fn initials_are_of_the_first_and_the_last_word() {
        assert_eq!(initials("Test User"), "TU");
        assert_eq!(initials("ada"), "A");
        assert_eq!(initials("  Grace  Brewster Murray Hopper "), "GH");
        assert_eq!(initials("Åsa (work) Öberg"), "ÅÖ");
    }

    #[test]
    fn a_name_without_letters_has_no_initials() {
        assert_eq!(initials(" … "), "");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn addresses_of_the_web_are_links_and_the_rest_is_text() {
        use Piece::{Link, Text};
        assert_eq!(
            pieces("See https://example.com/a?b=c#d, and (http://localhost:4000)."),
            [
                Text("See "),
                Link("https://example.com/a?b=c#d"),
                Text(", and ("),
                Link("http://localhost:4000"),
                Text(").")
            ]
        );
        assert_eq!(pieces("no link: example.com"), [Text("no link: example.com")]);
        assert_eq!(pieces("https://ü.example/ö"), [Link("https://ü.example/ö")]);
    }

    #[test]
    fn what_could_run_is_no_link() {
        for text in ["javascript:alert(1)", "data:text/html,x", "<a href=x>", "https://", "http:// x"] {
            assert!(!pieces(text).iter().any(|piece| matches!(piece, Piece::Link(_))), "{text}");
        }
        assert_eq!(
            pieces("https://a.b/\"onclick=x"),
            [Piece::Link("https://a.b/"), Piece::Text("\"onclick=x")]
        );
    }

    #[test]
    fn the_pieces_are_the_text() {
        for text in ["", "a", "https://https://a.b", "x http://a.b http://c.d. y", "http://"] {
            let joined: String = pieces(text)
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) | Piece::Link(text) => *text,
                })
                .collect();
            assert_eq!(joined, text);
        }
    }
}
