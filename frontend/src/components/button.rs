//! The round button over the whole width.

use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    #[prop_or_default]
    pub id: Option<AttrValue>,
    /// `submit` or `button`.
    #[prop_or(AttrValue::Static("button"))]
    pub kind: AttrValue,
    #[prop_or_default]
    pub quiet: bool,
    /// What it does cannot be undone.
    #[prop_or_default]
    pub danger: bool,
    /// Something is under way. The button stays in the order of focus, so that nobody loses their place;
    /// whoever handles its clicks must let them pass.
    #[prop_or_default]
    pub busy: bool,
    #[prop_or_default]
    pub unavailable: bool,
    #[prop_or_default]
    pub onclick: Callback<MouseEvent>,
    pub children: Html,
}

#[component]
pub fn Button(props: &Props) -> Html {
    html! {
        <button
            id={props.id.clone()}
            class={classes!("button", props.quiet.then_some("quiet"), props.danger.then_some("danger"))}
            type={props.kind.clone()}
            aria-busy={props.busy.then_some("true")}
            aria-disabled={(props.busy || props.unavailable).then_some("true")}
            onclick={props.onclick.clone()}
        >
            { props.children.clone() }
        </button>
    }
}
