//! Who I am, and who there is to talk to.

use crate::app::Route;
use crate::browser::Task;
use crate::chat::{ChatStatus, use_chat_status};
use crate::clock;
use crate::components::{Avatar, ChatIndicator, Glyph, icon};
use crate::hooks::use_page;
use crate::pages::sign_out::SignOutIcon;
use crate::session::SignOut;
use crate::talk::{Entry, Listing, use_talk};
use gloo_timers::future::TimeoutFuture;
use shared::{SessionResponse, visible_text};
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;
use yew_router::prelude::*;

/// How long typing must rest before a search is sent.
const REST_MS: u32 = 250;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: SessionResponse,
    pub sign_out: SignOut,
    pub open: Option<AttrValue>,
}

#[component]
pub fn Side(props: &Props) -> Html {
    let Props { user, sign_out, open } = props;
    let talk = use_talk();
    let status = use_chat_status();
    let name = AttrValue::from(visible_text::without_hidden(&user.name));
    let heading = use_page(&title(talk.state().unread(), &name), None);
    // To come back from a conversation is to come to this page.
    let was_open = use_mut_ref(|| open.is_some());
    use_effect_with(open.is_some(), {
        let heading = heading.clone();
        move |is_open| {
            if was_open.replace(*is_open)
                && !is_open
                && let Some(heading) = heading.cast::<HtmlElement>()
            {
                let _ = heading.focus();
            }
        }
    });
    let query = use_state_eq(String::new);
    // What was searched for last, and whether that went well.
    let searched = use_state_eq(|| (String::new(), true));
    let oninput = {
        let query = query.setter();
        Callback::from(move |event: InputEvent| {
            if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
                query.set(field.value().trim().to_lowercase());
            }
        })
    };
    // CometChat knows more people than are listed.
    use_effect_with((*query).clone(), {
        let (talk, searched) = (talk.clone(), searched.setter());
        move |query| {
            let query = query.clone();
            let task = (!query.is_empty()).then(|| {
                Task::spawn(async move {
                    TimeoutFuture::new(REST_MS).await;
                    let went_well = talk.search(&query).await;
                    searched.set((query, went_well));
                })
            });
            move || drop(task)
        }
    });

    let search = match &*searched {
        _ if query.is_empty() => None,
        (last, _) if *last != *query => Some(Search::Running),
        (_, true) => Some(Search::Done),
        (_, false) => Some(Search::Failed),
    };
    let fits = |entry: &&Entry| query.is_empty() || entry.person.name.to_lowercase().contains(query.as_str());
    let talks: Vec<&Entry> = talk.state().conversations().into_iter().filter(fits).collect();
    let others: Vec<&Entry> = talk.state().others().into_iter().filter(fits).collect();
    let row = |entry: &&Entry| row(entry, &user.id, open.as_deref());
    // While nothing is open, this is what the page is about. (A role and not another element, which would be built anew
    // with an empty field.)
    let (landmark, name_tag) = if open.is_some() { ("complementary", "h2") } else { ("main", "h1") };
    html! {
        <div role={landmark} class="side" aria-label="Conversations">
            <div class="me">
                <Avatar name={name.clone()} uid={user.id.clone()} online={status == ChatStatus::Connected} small=true />
                <div class="words">
                    <@{name_tag} ref={heading} class="name" tabindex="-1"><bdi>{ &name }</bdi></@>
                    <ChatIndicator {status} />
                </div>
                <Link<Route> to={Route::Account} classes="round" >
                    { icon(Glyph::Person) }
                    <span class="unseen">{ "Your account" }</span>
                </Link<Route>>
                <SignOutIcon sign_out={sign_out.clone()} />
            </div>
            <label class="search">
                { icon(Glyph::Search) }
                <span class="unseen">{ "Search people" }</span>
                <input id="search" type="search" placeholder="Search people" autocomplete="off" dir="auto" {oninput} />
            </label>
            <nav class="list" aria-label="People">
                <ul id="conversations">{ for talks.iter().map(row) }</ul>
                if !others.is_empty() {
                    <h2>{ "People" }</h2>
                    <ul id="people">{ for others.iter().map(row) }</ul>
                }
                if talks.is_empty() && others.is_empty() {
                    <p class="empty" role="status">{ empty(talk.state().listing, status, search) }</p>
                }
            </nav>
        </div>
    }
}

fn title(unread: u32, name: &str) -> String {
    let name = visible_text::isolated(name);
    if unread > 0 { format!("({unread}) {name}") } else { name }
}

/// How the search for what is typed goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    Running,
    Done,
    Failed,
}

fn empty(listing: Listing, status: ChatStatus, search: Option<Search>) -> &'static str {
    match (listing, status) {
        _ if search == Some(Search::Running) => "One moment…",
        _ if search == Some(Search::Failed) => "Chat cannot be searched now. Type again to try once more.",
        _ if search == Some(Search::Done) => "Nobody is called that.",
        (Listing::Loaded, _) => "Nobody else is here yet.",
        (Listing::Failed, _) => "The list could not be fetched. It is tried again with the next connection.",
        (Listing::Loading, ChatStatus::Unavailable) => {
            "Your conversations appear when chat is reachable again."
        }
        (Listing::Loading, _) => "One moment…",
    }
}

fn row(entry: &Entry, me: &str, open: Option<&str>) -> Html {
    let Entry { person, last, unread, typing, .. } = entry;
    let is_open = open == Some(person.uid.as_str());
    html! {
        <li key={person.uid.clone()}>
            <Link<Route>
                to={Route::Thread { uid: person.uid.clone() }}
                classes={classes!("row", is_open.then_some("open"))}
            >
                <Avatar name={person.name.clone()} uid={person.uid.clone()} online={person.online} />
                <bdi class="who">{ &person.name }</bdi>
                if let Some(last) = last {
                    <span class="when">{ clock::short(last.sent_at) }</span>
                }
                <span class="last">
                    if *typing {
                        <em>{ "typing…" }</em>
                    } else if let Some(last) = last {
                        if last.from == me { { "You: " } }
                        <bdi>{ last.text.as_deref().unwrap_or("something other than text") }</bdi>
                    } else {
                        { if person.online { "online" } else { "offline" } }
                    }
                </span>
                if *unread > 0 {
                    <span class="count">{ unread }<span class="unseen">{ " unread" }</span></span>
                }
                if is_open { <span class="unseen">{ ", open" }</span> }
            </Link<Route>>
        </li>
    }
}
