//! Icons in the colour of the surrounding text. Hidden from screen readers, because each is next to a text
//! or on a button with a label.

use yew::prelude::*;

#[derive(Clone, Copy, PartialEq)]
pub enum Glyph {
    Eye,
    EyeClosed,
    Warning,
    Info,
    Search,
    Send,
    Back,
    Person,
    Exit,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Eye => {
                "M2.5 12c2-4 5.4-6.5 9.5-6.5s7.5 2.5 9.5 6.5c-2 4-5.4 6.5-9.5 6.5S4.5 16 2.5 12ZM15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z"
            }
            Self::EyeClosed => {
                "M4 4l16 16M9.5 5.8a9.6 9.6 0 0 1 2.5-.3c4.1 0 7.5 2.5 9.5 6.5a14 14 0 0 1-2.6 3.5M6.3 7.4A13 13 0 0 0 2.5 12c2 4 5.4 6.5 9.5 6.5 1.7 0 3.3-.4 4.7-1.2M9.9 9.9a3 3 0 0 0 4.2 4.2"
            }
            Self::Warning => "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0ZM12 7.5V13M12 16.4v.1",
            Self::Search => "M18 11a7 7 0 1 1-14 0 7 7 0 0 1 14 0ZM20.5 20.5l-4.6-4.6",
            Self::Send => "M5 12h13.5M12.5 5.5 19 12l-6.5 6.5",
            Self::Back => "M14.5 5.5 8 12l6.5 6.5",
            Self::Person => {
                "M16 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0ZM4.5 20.5c.9-3.6 3.8-5.5 7.5-5.5s6.600 1.900 7.5 5.5"
            }
            Self::Exit => "M10 4H5v16h5M15 8l4 4-4 4M9.500 12H19",
            Self::Info => "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0ZM12 11v5.5M12 7.6v-.1",
        }
    }
}

pub fn icon(glyph: Glyph) -> Html {
    html! {
        <svg
            class="icon"
            viewBox="0 0 24 24"
            fill="none"
            stroke="currentColor"
            stroke-width="2"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d={glyph.path()} />
        </svg>
    }
}
