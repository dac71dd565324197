//! A page that is one card on the ground.

use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    /// The name of the page, for tests and styles.
    pub page: AttrValue,
    #[prop_or_default]
    pub busy: bool,
    /// For pages with much on them.
    #[prop_or_default]
    pub wide: bool,
    pub children: Html,
}

#[component]
pub fn Card(props: &Props) -> Html {
    html! {
        <main class={classes!("door", props.wide.then_some("wide"))} data-page={props.page.clone()} aria-busy={props.busy.then_some("true")}>
            <div class="card">{ props.children.clone() }</div>
        </main>
    }
}
