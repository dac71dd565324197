//! The sidebar: the user's own profile, the search, and the list of conversations and people.

use crate::browser::timer::Task;
use crate::cometchat::{ChatStatus, use_chat_status};
use crate::components::{Avatar, ChatIndicator, Glyph, icon, live_text};
use crate::conversations::{Contact, LoadState, NextPage, PeoplePages, use_conversations};
use crate::datetime;
use crate::hooks::use_page_heading;
use crate::pages::sign_out::SignOutIcon;
use crate::route::Route;
use crate::session::SignOut;
use gloo_timers::future::TimeoutFuture;
use shared::{UserResponse, visible_text};
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;
use yew_router::prelude::*;

/// The pause in typing before a search is sent.
const SEARCH_DELAY_MS: u32 = 250;
/// The distance from the end of the list, in pixels, at which more people are fetched.
const END_DISTANCE: i32 = 300;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub user: UserResponse,
    pub sign_out: SignOut,
    pub open: Option<AttrValue>,
}

#[component]
pub fn Sidebar(props: &Props) -> Html {
    let Props { user, sign_out, open } = props;
    let conversations = use_conversations();
    let status = use_chat_status();
    let name = AttrValue::from(visible_text::without_hidden(&user.name));
    let heading = use_page_heading(&title(conversations.state().unread(), &name), None);
    // On a narrow screen, closing a conversation is a page change.
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
    let oninput = {
        let query = query.setter();
        Callback::from(move |event: InputEvent| {
            if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
                query.set(field.value().trim().to_lowercase());
            }
        })
    };
    // The list has only a part of CometChat's users.
    use_effect_with((*query).clone(), {
        let conversations = conversations.clone();
        move |query| {
            let query = query.clone();
            let task = (!query.is_empty()).then(|| {
                Task::spawn(async move {
                    TimeoutFuture::new(SEARCH_DELAY_MS).await;
                    conversations.search(&query);
                })
            });
            move || drop(task)
        }
    });

    let state = conversations.state();
    let people = state.people.get(query.as_str());
    let has_next = people.is_some_and(|people| people.count > 0 && people.next == NextPage::NotRequested);
    let list = use_node_ref();
    let fetch_more = {
        let (conversations, query) = (conversations.clone(), query.clone());
        Callback::from(move |()| conversations.fetch_people(&query))
    };
    let fetch_at_end = {
        let (list, fetch_more, is_connected) =
            (list.clone(), fetch_more.clone(), status == ChatStatus::Connected);
        move || {
            if let Some(list) = list.cast::<HtmlElement>()
                && has_next
                && is_connected
                // A hidden list has no height.
                && list.client_height() > 0
                && list.scroll_height() - list.scroll_top() - list.client_height() < END_DISTANCE
            {
                fetch_more.emit(());
            }
        }
    };
    let has_failed = people.is_some_and(|people| people.next == NextPage::Failed);
    use_effect_with(status == ChatStatus::Connected, {
        let (fetch_more, is_search) = (fetch_more.clone(), !query.is_empty());
        move |is_connected| {
            // The list of all people is fetched with each connection.
            if *is_connected && is_search && has_failed {
                fetch_more.emit(());
            }
        }
    });
    // A list that does not fill its place cannot be scrolled.
    use_effect({
        let fetch_at_end = fetch_at_end.clone();
        move || fetch_at_end()
    });
    let search = match people {
        _ if query.is_empty() => None,
        Some(PeoplePages { count: 0, next: NextPage::Failed, .. }) => Some(Search::Failed),
        None | Some(PeoplePages { count: 0, .. }) => Some(Search::Running),
        Some(_) => Some(Search::Done),
    };
    let matches = |contact: &&Contact| {
        query.is_empty()
            || contact.person.name.to_lowercase().contains(query.as_str())
            || people.is_some_and(|people| people.uids.contains(&contact.person.uid))
    };
    let recent: Vec<&Contact> = state.conversations().into_iter().filter(matches).collect();
    let others: Vec<&Contact> = state.others().into_iter().filter(matches).collect();
    let is_empty = recent.is_empty() && others.is_empty();
    let row = |contact: &&Contact| row(contact, &user.id, open.as_deref());
    // Without an open conversation, the list is the main content. The role changes and not the element,
    // because a new element would lose the search text.
    let (landmark, name_tag) = if open.is_some() { ("complementary", "h2") } else { ("main", "h1") };
    html! {
        <div role={landmark} class="sidebar" aria-label="Conversations">
            <div class="profile">
                <Avatar name={name.clone()} uid={user.id.clone()} online={status == ChatStatus::Connected} small=true />
                <div class="text">
                    <@{name_tag} ref={heading} class="name" tabindex="-1"><bdi translate="no">{ live_text(&name) }</bdi></@>
                    <ChatIndicator {status} />
                </div>
                <Link<Route> to={Route::Account} classes="icon-button">
                    { icon(Glyph::Person) }
                    <span class="visually-hidden">{ "Your account" }</span>
                </Link<Route>>
                <SignOutIcon sign_out={sign_out.clone()} />
            </div>
            <label class="search">
                { icon(Glyph::Search) }
                <span class="visually-hidden">{ "Search people" }</span>
                <input id="search" type="search" placeholder="Search people" autocomplete="off" dir="auto" {oninput} />
            </label>
            <nav ref={list} class="list" aria-label="People" onscroll={move |_| fetch_at_end()}>
                <ul id="conversations">{ for recent.iter().map(row) }</ul>
                if state.has_more_conversations && query.is_empty() {
                    <p class="list-end">
                        { "Older conversations are not listed here. Search for the person to open one." }
                    </p>
                }
                if !others.is_empty() {
                    <h2>{ "People" }</h2>
                    <ul id="people">{ for others.iter().map(row) }</ul>
                }
                if is_empty && search != Some(Search::Failed) {
                    <p class="empty" role="status">{ live_text(explain_empty(state.load_state, status, search)) }</p>
                } else {
                    { end_of_list(people, fetch_more.reform(|_: MouseEvent| ())) }
                }
            </nav>
        </div>
    }
}

fn title(unread: u32, name: &str) -> String {
    let name = visible_text::isolated(name);
    if unread > 0 { format!("({unread}) {name}") } else { name }
}

/// The state of the search for the present query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    Running,
    Done,
    Failed,
}

/// Says why the list is empty.
fn explain_empty(list: LoadState, status: ChatStatus, search: Option<Search>) -> &'static str {
    match (list, status) {
        _ if search == Some(Search::Running) => "Searching…",
        _ if search == Some(Search::Done) => "No matches.",
        (LoadState::Loading | LoadState::Failed, ChatStatus::Disabled) => {
            "Your conversations appear when chat is switched on. Ask your administrator, then reload this page."
        }
        (LoadState::Loading | LoadState::Failed, ChatStatus::StorageBlocked) => {
            "Allow this site to store data in the browser’s settings, or clear its data there, then reload this page."
        }
        (LoadState::Loaded, _) => "No other people yet.",
        (LoadState::Failed, _) => "Couldn’t load your conversations. We’ll try again when chat reconnects.",
        (LoadState::Loading, ChatStatus::Unavailable) => "Your conversations appear when chat is back.",
        (LoadState::Loading, _) => "Loading…",
    }
}

/// Says that more people are being fetched, or could not be.
fn end_of_list(people: Option<&PeoplePages>, on_retry: Callback<MouseEvent>) -> Html {
    let Some(people) = people else { return Html::default() };
    match people.next {
        NextPage::Loading => html! {
            <p key="loading" class="list-end" role="status">{ "Loading…" }</p>
        },
        NextPage::Failed => html! {
            <p key="failed" class="list-end" role="status">
                { live_text(if people.count == 0 { "Couldn’t load people. " } else { "Couldn’t load more people. " }) }
                <button type="button" class="link" onclick={on_retry}>{ "Try again" }</button>
            </p>
        },
        NextPage::NotRequested | NextPage::None => Html::default(),
    }
}

fn row(contact: &Contact, me: &str, open: Option<&str>) -> Html {
    let Contact { person, last, unread, typing, .. } = contact;
    let is_open = open == Some(person.uid.as_str());
    html! {
        <li key={person.uid.clone()}>
            <Link<Route>
                to={Route::Conversation { uid: person.uid.clone() }}
                classes={classes!("row", is_open.then_some("open"))}
            >
                <Avatar name={person.name.clone()} uid={person.uid.clone()} online={person.online} />
                <bdi class="contact-name" translate="no">{ live_text(person.name.clone()) }</bdi>
                if let Some(last) = last {
                    <span class="timestamp">{ live_text(datetime::short(last.sent_at)) }</span>
                }
                <span class="preview">
                    if *typing {
                        <em>{ "typing…" }</em>
                    } else if let Some(last) = last {
                        if last.from == me { <span>{ "You: " }</span> }
                        <bdi>{ live_text(last.text.clone().unwrap_or_else(|| "Unsupported message".to_owned())) }</bdi>
                    } else {
                        { live_text(if person.online { "online" } else { "offline" }) }
                    }
                </span>
                if *unread > 0 {
                    <span class="unread-count">{ live_text(unread.to_string()) }<span class="visually-hidden">{ " unread" }</span></span>
                }
                if is_open { <span class="visually-hidden">{ ", open" }</span> }
            </Link<Route>>
        </li>
    }
}
