//! The avatar: a user's initials on a colour of their own, with a dot while they are online. Hidden from
//! screen readers, because the name and the presence are always next to it.

use super::live_text::live_text;
use crate::text;
use yew::prelude::*;

/// Number of colours in avatar.css.
const COLOURS: u32 = 8;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub name: AttrValue,
    /// Determines the colour.
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
    html! { <span {class} aria-hidden="true" translate="no">{ live_text(text::initials(&props.name)) }</span> }
}

/// Returns the same colour for a user on every page.
fn colour(uid: &str) -> u32 {
    uid.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % COLOURS
}

#[cfg(test)]
mod tests {
    use super::{COLOURS, colour};

    #[test]
    fn users_have_different_but_stable_colours() {
        let colours: std::collections::BTreeSet<u32> =
            (0..100).map(|n| colour(&format!("user-{n}"))).collect();
        assert_eq!(colours.len(), COLOURS as usize);
        assert_eq!(colour("ada"), colour("ada"));
    }
}
