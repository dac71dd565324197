//! Users, profile changes, and the filter of a user list.

use crate::errors::RestError;
use serde_json::Value;

pub const MAX_UID_CHARS: usize = 100;

#[derive(Debug, Clone)]
pub struct User {
    /// In lower case.
    pub uid: String,
    pub profile: Profile,
    pub created_at: u64,
    pub updated_at: Option<u64>,
    pub last_active_at: Option<u64>,
    /// Set by deactivation and by a non-permanent delete. The uid stays taken, but lookups fail.
    pub deactivated_at: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct Profile {
    pub name: String,
    pub avatar: Option<String>,
    pub link: Option<String>,
    pub role: String,
    pub status_message: Option<String>,
    pub metadata: Option<Value>,
    pub tags: Vec<String>,
}

/// A change of a profile. `None` leaves a field unchanged.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    pub name: Option<String>,
    pub avatar: Option<String>,
    pub link: Option<String>,
    pub role: Option<String>,
    pub status_message: Option<String>,
    pub metadata: Option<Value>,
    pub tags: Option<Vec<String>>,
    /// Names of the fields to clear: `avatar`, `link`, `metadata`.
    pub unset: Vec<String>,
}

impl ProfileChange {
    /// Applies the change to a profile.
    pub fn apply(self, profile: &mut Profile) {
        let Self { name, avatar, link, role, status_message, metadata, tags, unset } = self;
        profile.name = name.unwrap_or_else(|| std::mem::take(&mut profile.name));
        profile.avatar = avatar.or_else(|| profile.avatar.take());
        profile.link = link.or_else(|| profile.link.take());
        profile.role = role.unwrap_or_else(|| std::mem::take(&mut profile.role));
        profile.status_message = status_message.or_else(|| profile.status_message.take());
        profile.metadata = metadata.or_else(|| profile.metadata.take());
        profile.tags = tags.unwrap_or_else(|| std::mem::take(&mut profile.tags));
        for field in unset {
            match field.as_str() {
                "avatar" => profile.avatar = None,
                "link" => profile.link = None,
                "metadata" => profile.metadata = None,
                _ => {}
            }
        }
    }
}

/// The filter and order of a user list. The default lists all active users.
#[derive(Debug, Default)]
pub struct UserFilter {
    pub search: Option<String>,
    /// `uid` or `name`. Empty means both.
    pub search_in: Vec<String>,
    pub online: Option<bool>,
    pub roles: Vec<String>,
    pub tags: Vec<String>,
    pub uids: Vec<String>,
    pub with_deactivated: bool,
    pub only_deactivated: bool,
    /// The caller, which the list leaves out.
    pub except: Option<String>,
    pub sort: Sort,
    pub descending: bool,
}

#[derive(Debug, Default, Clone, Copy)]
pub enum Sort {
    #[default]
    Uid,
    Name,
    /// Online users first, then by name.
    Status,
}

/// Validates a uid and returns it in lower case: 1 to 100 characters of `a-z 0-9 - _`.
pub fn parse_uid(text: &str) -> Result<String, RestError> {
    if text.chars().count() > MAX_UID_CHARS {
        return Err(RestError::invalid(
            "uid",
            format!("The uid may not be greater than {MAX_UID_CHARS} characters."),
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(RestError::InvalidUid(text.into()));
    }
    Ok(text.to_ascii_lowercase())
}
