//! One underlined field with its label above it and what is wrong with it below. What is typed stays in
//! the element: password managers fill it without telling anybody.

use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    /// The element's id and the name it is submitted under.
    pub id: AttrValue,
    pub label: AttrValue,
    pub input: NodeRef,
    /// The element's `type`.
    pub kind: AttrValue,
    pub autocomplete: AttrValue,
    #[prop_or_default]
    pub inputmode: Option<AttrValue>,
    #[prop_or_default]
    pub fault: Option<AttrValue>,
    /// What stands at the end of the line.
    #[prop_or_default]
    pub children: Html,
}

#[component]
pub fn Field(props: &Props) -> Html {
    let fault_id = format!("{}-fault", props.id);
    let bad = props.fault.is_some();
    html! {
        <div class={classes!("field", bad.then_some("bad"))}>
            <label for={props.id.clone()}>{ &props.label }</label>
            <div class="line">
                <input
                    ref={props.input.clone()}
                    id={props.id.clone()}
                    name={props.id.clone()}
                    type={props.kind.clone()}
                    autocomplete={props.autocomplete.clone()}
                    inputmode={props.inputmode.clone()}
                    autocapitalize="none"
                    spellcheck="false"
                    aria-required="true"
                    aria-invalid={bad.then_some("true")}
                    aria-describedby={bad.then(|| fault_id.clone())}
                />
                { props.children.clone() }
            </div>
            if let Some(fault) = &props.fault {
                <p id={fault_id} class="fault">{ fault }</p>
            }
        </div>
    }
}
