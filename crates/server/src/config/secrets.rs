//! Settings that are secret: from the environment or a file, and the key that is made when there is none.

use super::SecretKey;
use super::parse::Reader;
use crate::private_files::{self, DEFAULT_FOLDER};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use shared::Secret;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

impl Reader<'_> {
    /// The secret of this name, or what the file `{name}_FILE` holds.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        let file_name = format!("{name}_FILE");
        let (value, file) = (self.sources.get(name), self.sources.get(&file_name));
        match (value, file) {
            (Some(_), Some(_)) => {
                self.error(name, format_args!("is set, and so is {file_name}: which of them is meant?"));
                None
            }
            (Some(value), None) => Some(Secret::new(value)),
            (None, Some(path)) => match fs::read_to_string(path) {
                Ok(text) if !text.trim().is_empty() => Some(Secret::new(text.trim())),
                Ok(_) => {
                    self.error(&file_name, format_args!("the file {path} is empty"));
                    None
                }
                Err(error) => {
                    self.error(&file_name, format_args!("cannot read {path}: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// Where the database is: it may have a password in it, so it may come from a file.
    pub(super) fn database_url(&mut self) -> Option<Secret> {
        let before = self.faults.len();
        let url = self.secret("DATABASE_URL");
        if url.is_some() || self.faults.len() > before {
            url
        } else {
            self.text("DATABASE_URL").map(Secret::new)
        }
    }

    /// A secret of 32 bytes in base64, if it is set.
    pub(super) fn key(&mut self, name: &str) -> Option<SecretKey> {
        let secret = self.secret(name)?;
        let key = decode(secret.expose());
        if key.is_none() {
            self.error(name, "must be 32 bytes in base64; make one with: openssl rand -base64 32");
        }
        key
    }

    /// Secrets of 32 bytes in base64, separated by commas; none when it is not set.
    pub(super) fn keys(&mut self, name: &str) -> Vec<SecretKey> {
        let Some(secret) = self.secret(name) else { return Vec::new() };
        let keys: Option<Vec<_>> = secret.expose().split(',').map(decode).collect();
        if keys.is_none() {
            self.error(name, "must be 32 bytes in base64, or several of these with commas between them");
        }
        keys.unwrap_or_default()
    }

    /// The secret key: as set, or from `secret.key` beside the database, where it is made at first start. (Who only
    /// looks gets one that is kept nowhere.)
    pub(super) fn secret_key(&mut self, database_url: &str) -> Option<SecretKey> {
        let before = self.faults.len();
        let key = self.key("SECRET_KEY");
        if key.is_some() || self.faults.len() > before {
            return key;
        }
        let path = key_file(database_url);
        if self.sources.read_only && !path.exists() {
            return Some(SecretKey::new(crate::crypto::random::bytes()));
        }
        match read_or_make(&path) {
            Ok(Some(key)) => {
                if !self.sources.read_only {
                    restrict(&path);
                }
                Some(key)
            }
            Ok(None) => {
                self.error("SECRET_KEY", format_args!("{} does not hold 32 bytes in base64", path.display()));
                None
            }
            Err(error) => {
                let place = path.display();
                self.error(
                    "SECRET_KEY",
                    format_args!("is not set, and {place} cannot be read or made: {error}"),
                );
                None
            }
        }
    }
}

/// Where the secret key is kept when it is not set: beside a SQLite database, and for PostgreSQL in `data`.
pub fn key_file(database_url: &str) -> PathBuf {
    crate::db::sqlite_path(database_url)
        .and_then(|path| Some(path.parent()?.join("secret.key")))
        .unwrap_or_else(|| Path::new(DEFAULT_FOLDER).join("secret.key"))
}

fn decode(text: &str) -> Option<SecretKey> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok().map(SecretKey::new)
}

fn read_or_make(path: &Path) -> io::Result<Option<SecretKey>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            fs::read_to_string(path).map(|text| decode(&text))
        }
        text => text.map(|text| decode(&text)),
    }
}

/// Takes the access of other users away from a key that is there, and from the default folder.
fn restrict(key_file: &Path) {
    private_files::restrict_file(key_file);
    if let Some(folder) = key_file.parent().filter(|folder| *folder == Path::new(DEFAULT_FOLDER)) {
        private_files::restrict_folder(folder);
    }
}

/// Writes a new key under another name first and links it into place: a start that is killed half way
/// leaves no half key, and of two starts at once one key wins.
fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_files::create_folder(folder)?;
    }
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", STANDARD.encode(crate::crypto::random::bytes::<32>()))?;
    file.sync_all()?;
    let linked = match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&draft)?;
    linked?;
    // The key must not be lost after something was sealed with it.
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
