//! The web app's split of a message into text and links. The web app is a program for browsers, so this target
//! includes its module as a file.
#![no_main]

#[allow(dead_code)]
#[path = "../../frontend/src/text.rs"]
mod text;

use text::{Segment, initials, linkify};

libfuzzer_sys::fuzz_target!(|message: &str| {
    let segments = linkify(message);
    let joined: String = segments
        .iter()
        .map(|segment| match segment {
            Segment::Text(text) | Segment::Link(text) => *text,
        })
        .collect();
    assert_eq!(joined, message);
    for segment in segments {
        if let Segment::Link(link) = segment {
            let scheme = link.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
            assert!(matches!(scheme.as_deref(), Some("https" | "http")));
            assert!(!link.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')));
        }
    }
    assert!(initials(message).chars().count() <= 6);
});
