//! One underlined field with its label above it and what is wrong with it below. What is typed stays in
//! the element: password managers fill it without telling anybody.

use web_sys::HtmlInputElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    /// The element's id and the name it is submitted under.
    pub id: AttrValue,
    /// What it is called on the wire, where that is not its id.
    #[prop_or_default]
    pub name: Option<AttrValue>,
    pub label: AttrValue,
    pub input: NodeRef,
    /// The element's `type`.
    pub kind: AttrValue,
    pub autocomplete: AttrValue,
    #[prop_or_default]
    pub inputmode: Option<AttrValue>,
    #[prop_or_default]
    pub fault: Option<AttrValue>,
    /// The id of an element that explains it.
    #[prop_or_default]
    pub hint_id: Option<AttrValue>,
    #[prop_or(AttrValue::Static("none"))]
    pub autocapitalize: AttrValue,
    /// What it holds at first.
    #[prop_or_default]
    pub initial: Option<AttrValue>,
    /// What stands at the end of the line.
    #[prop_or_default]
    pub children: Html,
}

#[component]
pub fn Field(props: &Props) -> Html {
    let fault_id = format!("{}-fault", props.id);
    let bad = props.fault.is_some();
    let described_by: Vec<String> = bad
        .then(|| fault_id.clone())
        .into_iter()
        .chain(props.hint_id.as_ref().map(ToString::to_string))
        .collect();
    // Given to the element once: a value that is rendered again would undo what is typed.
    use_effect_with(props.initial.clone(), {
        let input = props.input.clone();
        move |initial| {
            if let (Some(initial), Some(input)) = (initial, input.cast::<HtmlInputElement>()) {
                input.set_value(initial);
            }
        }
    });
    html! {
        <div class={classes!("field", bad.then_some("bad"))}>
            <label for={props.id.clone()}>{ &props.label }</label>
            <div class="line">
                <input
                    ref={props.input.clone()}
                    id={props.id.clone()}
                    name={props.name.as_ref().unwrap_or(&props.id).clone()}
                    type={props.kind.clone()}
                    autocomplete={props.autocomplete.clone()}
                    inputmode={props.inputmode.clone()}
                    autocapitalize={props.autocapitalize.clone()}
                    spellcheck="false"
                    aria-required="true"
                    aria-invalid={bad.then_some("true")}
                    aria-describedby={(!described_by.is_empty()).then(|| described_by.join(" "))}
                />
                { props.children.clone() }
            </div>
            if let Some(fault) = &props.fault {
                <p id={fault_id} class="fault">{ fault }</p>
            }
        </div>
    }
}
