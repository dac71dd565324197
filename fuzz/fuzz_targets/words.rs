//! What somebody wrote, as the page cuts it into text and links. The page is a program for browsers, so its module is
//! taken in as a file.
#![no_main]

#[allow(dead_code)]
#[path = "../../frontend/src/words.rs"]
mod words;

use words::{Piece, initials, pieces};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let pieces = pieces(text);
    let together: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) | Piece::Link(text) => *text,
        })
        .collect();
    assert_eq!(together, text);
    for piece in pieces {
        if let Piece::Link(link) = piece {
            assert!(link.starts_with("https://") || link.starts_with("http://"));
            assert!(!link.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')));
        }
    }
    assert!(initials(text).chars().count() <= 6);
});
