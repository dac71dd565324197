//! Records secrets for `scripts/check-secret-leaks`. While it runs the tests (`CANARIES` is set), the tests record every
//! secret that they send or receive, and keep the files of the servers. Otherwise these functions have no effect.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cometchat_auth::crypto::sha256_hex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, Once};
use tempfile::TempDir;

/// Shorter secrets would match by chance.
const SHORTEST: usize = 12;
/// The keys of the tests' servers; see [`crate::SECRET_KEY`].
const KEYS: [&str; 3] = ["emulator-rest-api-key", "emulator-auth-key", crate::SECRET_KEY];

/// Returns the folder that keeps the files of tests, or `None` unless the script runs them.
pub fn left() -> Option<PathBuf> {
    place().map(|place| place.join("left"))
}

fn place() -> Option<PathBuf> {
    std::env::var_os("CANARIES").map(PathBuf::from)
}

/// Returns a temporary folder. It is deleted with the test, unless the script searches it afterwards.
pub fn folder() -> TempDir {
    match left() {
        None => tempfile::tempdir().unwrap(),
        Some(left) => tempfile::Builder::new().disable_cleanup(true).tempdir_in(left).unwrap(),
    }
}

/// Returns the setting with which a server process logs everything.
pub fn settings() -> Option<(&'static str, &'static str)> {
    place().map(|_| ("RUST_LOG", "trace"))
}

/// Logs everything of the servers in this process to a file.
pub fn log_everything() {
    static ONCE: Once = Once::new();
    let Some(place) = place() else { return };
    ONCE.call_once(|| {
        let log = File::create(place.join(format!("left/log-{}", std::process::id()))).unwrap();
        // As in the binary, without messages about malformed requests.
        let filter = "trace,actix_http::h1::dispatcher=off";
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Mutex::new(log));
        log.with_ansi(false).init();
        KEYS.iter().for_each(|key| secret(key));
    });
}

/// Records the standard input of a command, which has a password if it is long enough.
pub fn input(text: &str) {
    let text = text.trim_end();
    if is_unmistakable(text) {
        secret(text);
    }
}

/// Records a response to a client: an error, or the metrics.
pub fn response(text: &str) {
    append("left/responses", text);
}

/// Records every secret in the body of a request. Of a password also its SHA-256, which must not be stored either.
pub fn secrets_of(body: &Value) {
    for (name, value) in body.as_object().into_iter().flatten() {
        let is_secret = name.contains("assword") || name.contains("assertion");
        if let Some(text) = value.as_str().filter(|text| is_secret && is_unmistakable(text)) {
            secret(text);
            secret(&sha256_hex(text.as_bytes()));
        }
    }
}

/// Returns whether a match would prove a leak. Email addresses are excluded: the database has them, and tests try them
/// as passwords.
fn is_unmistakable(secret: &str) -> bool {
    secret.len() >= SHORTEST && !secret.contains('@')
}

/// Records a secret in plain text, hex, base64 and URL encoding.
pub fn secret(secret: &str) {
    if place().is_none() || !is_unmistakable(secret) {
        return;
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let quoted: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms =
        BTreeSet::from([secret.into(), hex.to_uppercase(), hex, quoted.replace('+', "%20"), quoted]);
    // In the base64 of a longer text the secret starts at one of three offsets, and its first and last characters depend
    // on the text around it. The pattern leaves these out.
    for (ahead, first) in [(0, 0), (1, 2), (2, 3)] {
        let bytes = [&vec![0; ahead], secret.as_bytes()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let form = engine.encode(&bytes);
            forms.insert(form[first..bytes.len() * 8 / 6].to_owned());
        }
    }
    append("patterns", &forms.into_iter().collect::<Vec<_>>().join("\n"));
}

fn append(file: &str, text: &str) {
    let Some(place) = place() else { return };
    let mut file = File::options().create(true).append(true).open(place.join(file)).unwrap();
    file.write_all(format!("{text}\n").as_bytes()).unwrap();
}
