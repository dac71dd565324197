//! What is written about the settings, made from their list: `docs/CONFIGURATION.md` and `.env.example`. A test
//! compares; `make docs` writes.

use super::settings::{SETTINGS, Setting};
use std::fmt::Write as _;

/// `docs/CONFIGURATION.md`
pub fn markdown() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         <!-- Made by `make docs` from crates/server/src/config/settings.rs. -->\n\n\
         From flags, the environment, or the file `.env` in the current folder, in this order. The flag of `LISTEN` is `--listen`, and so \
         on. Secrets have no\nflag, since every user of the machine can see those. They, and \
         `DATABASE_URL`, may also be in a file: `SECRET_KEY_FILE` (or\n`--secret-key-file`) names it.\n\n\
         A bad value stops the start, and so does a name that is almost one of these, or that begins with `COMETCHAT_` and is \
         none (on Kubernetes:\n`enableServiceLinks: false`); all of them are told at once. `cometchat-auth check` tells them \
         without starting, prints each value with where\nit comes from, and tries the database and the CometChat key.\n",
    );
    for (group, settings) in groups() {
        let _ = write!(text, "\n## {group}\n\n| name | default | |\n|---|---|---|\n");
        for setting in settings {
            let default = setting.default.map_or("none".to_owned(), |default| format!("`{default}`"));
            let secret = if setting.secret { " **Secret.**" } else { "" };
            let _ = writeln!(text, "| `{}` | {default} | {}.{secret} |", setting.name, setting.help);
        }
    }
    text.push_str(
        "\nTraces have the usual variables of OpenTelemetry, `OTEL_EXPORTER_OTLP_ENDPOINT` above all: see \
         [DEPLOY.md](DEPLOY.md#starting-stopping-watching).\n",
    );
    text
}

/// `.env.example`: everything that can be set, and the three that must be.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Copy to .env and fill in the first three to use your CometChat account: `make run` then talks to the real\n\
         # cloud. What is commented out shows its default. `cometchat-auth check` says whether all is well.\n",
    );
    for (group, settings) in groups() {
        let _ = write!(text, "\n# --- {group}\n\n");
        for setting in settings {
            let must = ["COMETCHAT_APP_ID", "COMETCHAT_REGION", "COMETCHAT_API_KEY"].contains(&setting.name);
            let _ = writeln!(text, "# {}.", setting.help);
            let _ = writeln!(
                text,
                "{}{}={}",
                if must { "" } else { "#" },
                setting.name,
                setting.default.unwrap_or_default()
            );
        }
    }
    text
}

/// The settings by their headings, in the order in which they are listed.
fn groups() -> Vec<(&'static str, Vec<&'static Setting>)> {
    let mut groups: Vec<(&str, Vec<&Setting>)> = Vec::new();
    for setting in SETTINGS {
        match groups.last_mut() {
            Some((group, settings)) if *group == setting.group => settings.push(setting),
            _ => groups.push((setting.group, vec![setting])),
        }
    }
    groups
}
