//! A round picture in place of a face: the name's initials. The name itself stands beside it.

use crate::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub name: AttrValue,
}

#[component]
pub fn Avatar(props: &Props) -> Html {
    html! { <span class="avatar" aria-hidden="true">{ words::initials(&props.name) }</span> }
}
