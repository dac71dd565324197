//! The dashboard at `/`, which shows all data of the emulator. It is rendered on the server, where the
//! template escapes all text. A short script reloads it and replaces the content when it changes.

use crate::{
    response::get_or_head,
    state::{Config, Emulator},
    world::{Message, User, World},
};
use actix_web::{HttpResponse, Responder, web};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Rows per table, newest first. `/emulator/state` has the rest.
const MAX_ROWS: usize = 50;
const MAX_TOKENS_SHOWN: usize = 3;

pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/", get_or_head().to(dashboard));
}

async fn dashboard(emulator: web::Data<Emulator>) -> impl Responder {
    let html = render(&emulator.world(), &emulator.config);
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .body(html.into_string())
}

fn render(world: &World, config: &Config) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "CometChat emulator" }
                link rel="icon" href="data:,";
                style { (PreEscaped(include_str!("dashboard.css"))) }
            }
            body {
                header {
                    h1 { "CometChat emulator" }
                    p {
                        "Emulates the CometChat cloud in memory: REST API v3, client API v3.0 and WebSocket. "
                        "All data stays on this machine and is lost when the emulator stops."
                    }
                    dl {
                        (setting("App ID", &config.app_id))
                        (setting("Region", &config.region))
                        (setting("REST API key", &config.rest_api_key))
                        (setting("Auth key", &config.auth_key))
                    }
                }
                main {
                    (users(world))
                    (sockets(world))
                    (messages(world))
                    (faults(world))
                    (calls(world))
                }
                footer {
                    "As JSON: " a href="/emulator/state" { "/emulator/state" } " and "
                    a href="/emulator/faults" { "/emulator/faults" } "."
                }
                script { (PreEscaped(include_str!("dashboard.js"))) }
            }
        }
    }
}

fn setting(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { code { (value) } } } }
}

/// Renders a table. `total` may be larger than the number of `rows`.
fn section(title: &str, total: usize, empty_text: &str, columns: &[&str], rows: &[Markup]) -> Markup {
    html! {
        section {
            h2 { (title) " " span.count { (total) } }
            @if rows.is_empty() {
                p.none { (empty_text) }
            } @else {
                div.scroll tabindex="0" role="region" aria-label=(title) {
                    table {
                        thead { tr { @for column in columns { th scope="col" { (column) } } } }
                        tbody { @for row in rows { tr { (row) } } }
                    }
                }
                @if total > rows.len() { p.none { "Latest " (rows.len()) " of " (total) } }
            }
        }
    }
}

fn users(world: &World) -> Markup {
    let users: Vec<&User> = world.users().collect();
    let row = |user: &&User| {
        let tokens: Vec<&str> = world.tokens_of(&user.uid).map(|token| token.secret.as_str()).collect();
        html! {
            td { code { (user.uid) } }
            td { bdi { (user.profile.name) } }
            td {
                @if user.deactivated_at.is_some() { span.badge.off { "deactivated" } }
                @else if world.is_online(&user.uid) { span.badge.on { "online" } }
                @else { span.badge { "offline" } }
            }
            td {
                @if tokens.is_empty() { span.none { "none" } }
                @for token in tokens.iter().rev().take(MAX_TOKENS_SHOWN) { code.token { (token) } }
                @if tokens.len() > MAX_TOKENS_SHOWN { span.none { "and " (tokens.len() - MAX_TOKENS_SHOWN) " older" } }
            }
        }
    };
    let rows: Vec<Markup> = users.iter().map(row).collect();
    section(
        "Users",
        users.len(),
        "No users yet. A server creates them.",
        &["UID", "Name", "Status", "Auth tokens"],
        &rows,
    )
}

fn sockets(world: &World) -> Markup {
    let row = |user: Option<(&str, &str)>| {
        html! {
            td { @if let Some((uid, _)) = user { code { (uid) } } @else { span.none { "not signed in" } } }
            td { @if let Some((_, device)) = user { code { (device) } } }
        }
    };
    let rows: Vec<Markup> = world
        .sockets()
        .map(|socket| socket.user.as_ref().map(|user| (user.uid.as_str(), user.device_id.as_str())))
        .map(row)
        .collect();
    section("Sockets", rows.len(), "No open sockets.", &["UID", "Device"], &rows)
}

fn messages(world: &World) -> Markup {
    let row = |message: &Message| {
        html! {
            td { code { (message.id) } }
            td { (clock_time(message.sent_at)) }
            td.path { code { (message.sender) } " to " code { (message.receiver) } }
            td.text { @if message.kind == "text" { bdi { (message.text()) } } @else { span.none { (message.kind) } } }
            td {
                @if message.read_at.is_some() { span.badge.on { "read" } }
                @else if message.delivered_at.is_some() { span.badge { "delivered" } }
                @else { span.badge { "sent" } }
            }
        }
    };
    let rows: Vec<Markup> = world.messages().rev().take(MAX_ROWS).map(row).collect();
    let total = world.messages().count();
    section(
        "Messages",
        total,
        "No messages yet.",
        &["ID", "Sent (UTC)", "From and to", "Message", "State"],
        &rows,
    )
}

fn faults(world: &World) -> Markup {
    let rows: Vec<Markup> = world
        .faults
        .active()
        .iter()
        .map(|fault| html! { td { code.fault { (serde_json::to_string(fault).unwrap_or_default()) } } })
        .collect();
    section("Active faults", rows.len(), "No active faults.", &["Fault"], &rows)
}

fn calls(world: &World) -> Markup {
    let calls = world.call_log.iter();
    let total = calls.len();
    let rows: Vec<Markup> = calls
        .rev()
        .take(MAX_ROWS)
        .map(|call| {
            html! {
                td { (call.method) }
                td { code.path { (call.path) } }
                td {
                    @match (call.status, &call.code) {
                        (None, _) => span.none { "no response" },
                        (Some(status), None) => span.badge { (status) },
                        (Some(status), Some(code)) => { span.badge.off { (status) } " " code { (code) } }
                    }
                }
            }
        })
        .collect();
    section("Calls", total, "No calls yet.", &["Method", "Path", "Response"], &rows)
}

/// Formats the time of day as hours, minutes and seconds.
fn clock_time(at: u64) -> String {
    format!("{:02}:{:02}:{:02}", at / 3600 % 24, at / 60 % 60, at % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::ProfileChange;
    use crate::world::testing::{text_message, world};

    #[test]
    fn dashboard_text_with_markup_is_escaped() {
        let (mut world, _) = world();
        let name = Some("<script>alert(1)</script>".into());
        world.update_user("alice", ProfileChange { name, ..ProfileChange::default() }).unwrap();
        world.send(text_message("alice", "bob", "<img src=x onerror=alert(2)>")).unwrap();
        let html = render(&world, &Config::default()).into_string();
        assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script>alert"));
        assert!(html.contains("&lt;img src=x") && !html.contains("<img"));
    }

    #[test]
    fn names_and_messages_are_isolated() {
        let (mut world, _) = world();
        let name = Some("Alice\u{202e}".into());
        world.update_user("alice", ProfileChange { name, ..ProfileChange::default() }).unwrap();
        world.send(text_message("alice", "bob", "reversed \u{202e}")).unwrap();
        let page = render(&world, &Config::default()).into_string();
        assert!(page.contains("<bdi>Alice\u{202e}</bdi>") && page.contains("<bdi>reversed \u{202e}</bdi>"));
    }

    #[test]
    fn unix_time_is_shown_as_time_of_day() {
        assert_eq!(clock_time(1_700_000_000), "22:13:20");
    }
}
