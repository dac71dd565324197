//! Secret settings, which come from the environment or a file, and the generated secret key.

use super::parse::Reader;
use crate::crypto::seal::SecretKey;
use crate::private_files::{self, DEFAULT_FOLDER};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use shared::Secret;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

impl Reader<'_> {
    /// Returns the secret, from the variable or from the file that `{name}_FILE` names.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        let file_name = format!("{name}_FILE");
        let (value, file) = (self.sources.get(name), self.sources.get(&file_name));
        match (value, file) {
            (Some(_), Some(_)) => {
                self.error(name, format_args!("cannot be combined with {file_name}"));
                None
            }
            (Some(value), None) => Some(Secret::new(value)),
            (None, Some(path)) => match fs::read_to_string(path) {
                Ok(text) => {
                    // Some editors write a byte-order mark.
                    let text = text.trim_start_matches('\u{feff}').trim();
                    if text.is_empty() {
                        self.error(&file_name, format_args!("the file {path} is empty"));
                    }
                    Some(Secret::new(text)).filter(|_| !text.is_empty())
                }
                Err(error) => {
                    self.error(&file_name, format_args!("cannot read {path}: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// Returns the database URL, which may come from a file because it may hold a password.
    pub(super) fn database_url(&mut self) -> Option<Secret> {
        let errors_before = self.errors.len();
        let mut url = self.secret("DATABASE_URL");
        if self.errors.len() > errors_before {
            return None;
        }
        if url.is_none() {
            url = self.text("DATABASE_URL").map(Secret::new);
        }
        if let Err(error) = crate::db::check_url(url.as_ref()?.expose()) {
            self.error(error.variable, error);
            return None;
        }
        url
    }

    /// Returns a secret of 32 bytes in base64, if it is set.
    fn key(&mut self, name: &str) -> Option<SecretKey> {
        let secret = self.secret(name)?;
        let key = decode(secret.expose());
        key.map_err(|cause| self.error(name, format_args!("must be 32 bytes in base64{cause}"))).ok()
    }

    /// Returns comma-separated secrets of 32 bytes in base64, none if the setting is unset.
    pub(super) fn keys(&mut self, name: &str) -> Vec<SecretKey> {
        let Some(secret) = self.secret(name) else { return Vec::new() };
        let keys: Result<Vec<_>, _> = secret.expose().split(',').map(decode).collect();
        let keys = keys.unwrap_or_else(|cause| {
            let expected = "must be one or more comma-separated keys of 32 bytes in base64";
            self.error(name, format_args!("{expected}{cause}"));
            Vec::new()
        });
        let distinct: BTreeSet<_> = keys.iter().map(SecretKey::bytes).collect();
        if distinct.len() < keys.len() {
            self.error(name, "has one key twice; remove it, or set the other key");
        }
        keys
    }

    /// Returns `SECRET_KEY`, or the key in `secret.key` next to the database, which the first start creates. A read-only
    /// command gets a random key that is not stored if there is no such file.
    pub(super) fn secret_key(&mut self, database_url: Option<&Secret>) -> Option<SecretKey> {
        let errors_before = self.errors.len();
        let key = self.key("SECRET_KEY");
        if key.is_some() || self.errors.len() > errors_before {
            return key;
        }
        let path = key_file(database_url?.expose());
        if self.sources.read_only && !path.exists() {
            return Some(SecretKey::new(crate::crypto::random::bytes()));
        }
        match read_or_create(&path) {
            Ok(Some(key)) => {
                if !self.sources.read_only {
                    restrict(&path);
                }
                Some(key)
            }
            Ok(None) => {
                self.error(
                    "SECRET_KEY",
                    format_args!("{} does not contain 32 bytes in base64", path.display()),
                );
                None
            }
            Err(error) => {
                let path = path.display();
                self.error(
                    "SECRET_KEY",
                    format_args!("is unset, and {path} cannot be read or created: {error}"),
                );
                None
            }
        }
    }
}

/// Returns the file of the generated secret key: next to a SQLite database, or in `data` with PostgreSQL.
pub fn key_file(database_url: &str) -> PathBuf {
    crate::db::sqlite_path(database_url)
        .and_then(|path| Some(path.parent()?.join("secret.key")))
        .unwrap_or_else(|| Path::new(DEFAULT_FOLDER).join("secret.key"))
}

/// Decodes a key. The error ends the sentence that the key must be 32 bytes in base64.
fn decode(text: &str) -> Result<SecretKey, String> {
    const ADVICE: &str = "create one with: openssl rand -base64 32";
    let bytes = STANDARD.decode(text.trim()).map_err(|_| format!(", and is not base64; {ADVICE}"))?;
    let key =
        bytes.try_into().map_err(|bytes: Vec<u8>| format!(", and is {} bytes; {ADVICE}", bytes.len()))?;
    Ok(SecretKey::new(key))
}

fn read_or_create(path: &Path) -> io::Result<Option<SecretKey>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path)?;
            fs::read_to_string(path).map(|text| decode(&text).ok())
        }
        text => text.map(|text| decode(&text).ok()),
    }
}

/// Removes the access of other users to an existing key file and to the default folder.
fn restrict(key_file: &Path) {
    private_files::restrict_file(key_file);
    if let Some(folder) = key_file.parent().filter(|folder| *folder == Path::new(DEFAULT_FOLDER)) {
        private_files::restrict_folder(folder);
    }
}

/// Creates a key file. The key is written to a temporary file, which is then linked into place: a killed process leaves
/// no partial key, and of two concurrent starts only one creates the key.
fn create(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_files::create_folder(folder)?;
    }
    let temporary = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{}", STANDARD.encode(crate::crypto::random::bytes::<32>()))?;
    file.sync_all()?;
    let linked = match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&temporary)?;
    linked?;
    // Makes the directory entry durable before data is encrypted with the key.
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
