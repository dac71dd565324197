//! Hidden characters and bidirectional controls: detects and strips them.
//!
//! A name or an email address with such a character looks like another one. Validation rejects new
//! ones; text that arrives from elsewhere (older rows, CometChat's other clients) is stripped where it
//! is shown. Messages keep theirs, since writers of right-to-left scripts need them: they are isolated.

/// First-strong isolate and its end: the text between them neither reorders its surroundings nor is
/// reordered by them (UAX #9).
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_DIRECTIONAL_ISOLATE: char = '\u{2069}';
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Returns whether the character changes the direction of the text around it.
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether the character is a control, reorders text, or is drawn as nothing.
///
/// Unicode's `Default_Ignorable_Code_Point`, plus the format characters, separators, fillers and blanks that fonts
/// draw empty.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || is_bidi_control(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{13430}'..='\u{13442}' | '\u{16fe4}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns whether the text has a hidden character that its script does not need.
pub fn has_hidden(text: &str) -> bool {
    neighbours(text).any(|(before, c, after)| is_out_of_place(before, c, after))
}

/// Returns the text without the hidden characters that its script does not need.
pub fn without_hidden(text: &str) -> String {
    let kept = neighbours(text).filter(|(before, c, after)| !is_out_of_place(*before, *c, *after));
    kept.map(|(_, c, _)| c).collect()
}

/// Returns the text without hidden characters, isolated from what surrounds it: for titles and labels, where no
/// markup can do it.
pub fn isolated(text: &str) -> String {
    format!("{FIRST_STRONG_ISOLATE}{}{POP_DIRECTIONAL_ISOLATE}", without_hidden(text))
}

/// Returns each character with the one before and the one after it.
fn neighbours(text: &str) -> impl Iterator<Item = (Option<char>, char, Option<char>)> {
    let before = std::iter::once(None).chain(text.chars().map(Some));
    let after = text.chars().skip(1).map(Some).chain(std::iter::once(None));
    before.zip(text.chars()).zip(after).map(|((before, c), after)| (before, c, after))
}

/// Returns whether a hidden character is not part of the spelling. Joiners and variation selectors are, in some
/// scripts and in emoji.
fn is_out_of_place(before: Option<char>, c: char, after: Option<char>) -> bool {
    if !is_hidden(c) {
        return false;
    }
    let (Some(before), after) = (before, after.unwrap_or(' ')) else { return true };
    let is_spelling = match c {
        ZERO_WIDTH_NON_JOINER => is_joining_script(before) && is_joining_script(after),
        ZERO_WIDTH_JOINER => {
            is_joining_script(before) && is_joining_script(after)
                || (is_emoji(before) || before == '\u{fe0f}') && is_emoji(after)
        }
        '\u{fe0e}' | '\u{fe0f}' => is_emoji(before),
        '\u{e0100}'..='\u{e01ef}' => is_ideograph(before),
        _ => false,
    };
    !is_spelling
}

/// Returns whether the letter belongs to a script that needs joiners: Arabic, or a script of South or Southeast
/// Asia.
fn is_joining_script(c: char) -> bool {
    !is_hidden(c)
        && matches!(c,
            '\u{620}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{18af}' | '\u{a800}'..='\u{abff}' | '\u{10a00}'..='\u{10fff}'
            | '\u{11000}'..='\u{11fff}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
        && !is_hidden(c)
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_invisible_characters_are_stripped() {
        for hidden in [
            '\u{7}',
            '\u{1b}',
            '\u{9b}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{1d159}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            let name = format!("Ada{hidden}Lovelace");
            assert!(has_hidden(&name), "{name:?}");
            assert_eq!(without_hidden(&name), "AdaLovelace", "{name:?}");
            assert!(has_hidden(&hidden.to_string()) && without_hidden(&hidden.to_string()).is_empty());
        }
    }

    #[test]
    fn names_keep_the_joiners_that_their_script_needs() {
        for name in [
            "Ada Lovelace",
            "نیلوفر نورهای\u{200c}پور",
            "ක්\u{200d}රිස්ටි",
            "क्\u{200d}ष",
            "محمد علی",
            "葛\u{e0100}城",
            "👩\u{200d}🔬 Marie",
            "🏳\u{fe0f}\u{200d}🌈",
            "❤\u{fe0f}\u{200d}🔥",
            "Ödön von Horváth",
            "李小龍",
            "דוד",
        ] {
            assert!(!has_hidden(name), "{name:?}");
            assert_eq!(without_hidden(name), name);
        }
    }

    #[test]
    fn joiners_out_of_place_are_stripped() {
        for (name, shown) in [
            ("علی\u{200c}", "علی"),
            ("\u{200d}क", "क"),
            ("ad\u{200d}min", "admin"),
            ("न\u{200c}\u{200c}न", "नन"),
            ("علی\u{200c} نور", "علی نور"),
        ] {
            assert_eq!(without_hidden(name), shown);
        }
    }

    #[test]
    fn a_label_isolates_the_name_within_it() {
        assert_eq!(isolated("a\u{202e}b"), "\u{2068}ab\u{2069}");
    }
}
