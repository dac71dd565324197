//! A field for a new password, with a hint that states the rule and counts down while the user types.

use super::FormHandle;
use crate::components::{Field, live_text, password_field};
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub id: &'static str,
    pub hint_id: &'static str,
    pub name: &'static str,
    pub label: &'static str,
    pub form: FormHandle,
    /// The minimum length, once the server has said it.
    pub min_chars: Option<usize>,
}

#[component]
pub fn NewPasswordField(props: &Props) -> Html {
    let Props { id, hint_id, name, label, form, min_chars } = props;
    let chars = use_state_eq(|| 0);
    // The form clears the field after success.
    use_effect_with(form.successes(), {
        let chars = chars.setter();
        move |_| chars.set(0)
    });
    let oninput = {
        let chars = chars.setter();
        Callback::from(move |event: InputEvent| {
            if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
                chars.set(field.value().chars().count());
            }
        })
    };
    let is_enough = min_chars.is_some_and(|min| *chars >= min);
    let field = Field { hint_id: Some(hint_id), ..form.describe(id, name, label, "new-password") };
    html! {
        <div {oninput}>
            { password_field(field, form.is_password_shown(), form.on_show()) }
            // Screen readers read the hint with the field, and not at each key.
            <p id={*hint_id} class="hint">{ live_text(hint(*chars, *min_chars)) }</p>
            <span class="visually-hidden" role="status">{ live_text(if is_enough { "Long enough." } else { "" }) }</span>
        </div>
    }
}

fn hint(chars: usize, min_chars: Option<usize>) -> String {
    const ADVICE: &str = "A few unrelated words are strong and easy to remember.";
    match min_chars {
        None => ADVICE.to_owned(),
        Some(min) if chars == 0 => format!("At least {min} characters. {ADVICE}"),
        Some(min) if chars < min => match min - chars {
            1 => "1 more character.".to_owned(),
            more => format!("{more} more characters."),
        },
        Some(_) => "Long enough.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn hint_states_the_rule_then_counts_down() {
        assert!(hint(0, Some(15)).starts_with("At least 15 characters."));
        assert_eq!(hint(8, Some(15)), "7 more characters.");
        assert_eq!(hint(14, Some(15)), "1 more character.");
        assert_eq!(hint(15, Some(15)), "Long enough.");
    }

    #[test]
    fn hint_has_no_number_while_the_rule_is_unknown() {
        assert!(!hint(0, None).contains(char::is_numeric));
        assert!(!hint(3, None).contains("more characters"));
    }
}
