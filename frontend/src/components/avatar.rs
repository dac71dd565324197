//! A round picture in place of a face: the name's initials, in a colour of the person's own, with a dot for
//! who is there. The name itself, and whether they are there, stand beside it.

use crate::words;
use yew::prelude::*;

/// Colours in chat.css.
const COLOURS: u32 = 8;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub name: AttrValue,
    /// Chooses the colour.
    pub uid: AttrValue,
    #[prop_or_default]
    pub online: bool,
    #[prop_or_default]
    pub small: bool,
}

#[component]
pub fn Avatar(props: &Props) -> Html {
    let class = classes!(
        "avatar",
        format!("colour-{}", colour(&props.uid)),
        props.online.then_some("online"),
        props.small.then_some("small")
    );
    html! { <span {class} aria-hidden="true">{ words::initials(&props.name) }</span> }
}

/// The same for a person wherever they are shown.
fn colour(uid: &str) -> u32 {
    uid.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % COLOURS
}

#[cfg(test)]
mod tests {
    use super::{COLOURS, colour};

    #[test]
    fn people_have_different_colours_and_keep_them() {
        let colours: std::collections::BTreeSet<u32> =
            (0..100).map(|n| colour(&format!("user-{n}"))).collect();
        assert_eq!(colours.len(), COLOURS as usize);
        assert_eq!(colour("ada"), colour("ada"));
    }
}
