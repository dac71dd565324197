//! Names: the check that needs Unicode's tables, which are too large for the browser.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use shared::{FieldErrors, visible_text};

/// Characters that are drawn on others, as a gap, or not at all.
const NOTHING_OF_THEIR_OWN: [GeneralCategoryGroup; 4] = [
    GeneralCategoryGroup::Mark,
    GeneralCategoryGroup::Separator,
    GeneralCategoryGroup::Control,
    GeneralCategoryGroup::Format,
];

/// Adds an error if the name is valid in all else, and shows nothing: it has combining marks alone, for example.
pub fn check_is_visible(name: &str, errors: &mut FieldErrors) {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_visible = |c: char| {
        let category = categories.get(c);
        !visible_text::is_hidden(c) && !NOTHING_OF_THEIR_OWN.iter().any(|group| group.contains(category))
    };
    if !name.chars().any(is_visible) {
        let message = "Enter a name with a visible character, such as a letter.";
        errors.entry("name".into()).or_insert_with(|| message.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use icu_properties::CodePointSetData;
    use icu_properties::props::{DefaultIgnorableCodePoint, PrependedConcatenationMark};

    #[test]
    fn name_needs_a_visible_character() {
        let is_visible = |name: &str| {
            let mut errors = FieldErrors::new();
            check_is_visible(name, &mut errors);
            errors.is_empty()
        };
        for name in ["Ada", "李", "e\u{301}", "7", "-", "★", "👩\u{200d}🔬", "\u{e000}"] {
            assert!(is_visible(name), "{name:?}");
        }
        for name in [
            "\u{301}",
            "\u{903}\u{20dd}",
            "\u{301} \u{489}",
            "\u{2003}",
            "\u{3164}",
            "\u{2800}",
            "\u{1d159}",
            "\u{16fe4}",
            "\u{13441}",
            "\u{200b}",
            "\u{110bd}",
        ] {
            assert!(!is_visible(name), "{name:?}");
        }
    }

    #[test]
    fn all_invisible_characters_of_unicode_are_hidden() {
        let categories = CodePointMapData::<GeneralCategory>::new();
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        let drawn_before_others = CodePointSetData::new::<PrependedConcatenationMark>();
        for c in '\0'..=char::MAX {
            let is_invisible = match categories.get(c) {
                GeneralCategory::Control
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator => true,
                GeneralCategory::Format => !drawn_before_others.contains(c),
                _ => ignorable.contains(c),
            };
            assert!(!is_invisible || visible_text::is_hidden(c), "{c:?}");
        }
    }
}
