//! Users: creation, change, deactivation, deletion, search, and how one looks to whom.

use super::World;
use super::messages::conversation_id;
use crate::errors::Failure;
use serde_json::{Value, json};

const LONGEST_UID: usize = 100;

/// The one role that every app has. Others would have to be created first.
const DEFAULT_ROLE: &str = "default";

#[derive(Debug, Clone)]
pub struct User {
    /// In lower case.
    pub uid: String,
    pub profile: Profile,
    pub created_at: u64,
    pub updated_at: Option<u64>,
    pub last_active_at: Option<u64>,
    /// Deactivated, which a plain delete does too: keeps the uid taken, is found by nobody.
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

/// What a caller wants set; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    pub name: Option<String>,
    pub avatar: Option<String>,
    pub link: Option<String>,
    pub role: Option<String>,
    pub status_message: Option<String>,
    pub metadata: Option<Value>,
    pub tags: Option<Vec<String>>,
    /// Names of fields to empty: `avatar`, `link`, `metadata`.
    pub unset: Vec<String>,
}

impl ProfileChange {
    fn apply(self, profile: &mut Profile) {
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

/// Which users are listed, and in which order. Everything empty: all active ones.
#[derive(Debug, Default)]
pub struct UserFilter {
    pub search: Option<String>,
    /// `uid`, `name`; empty means both.
    pub search_in: Vec<String>,
    pub online: Option<bool>,
    pub roles: Vec<String>,
    pub tags: Vec<String>,
    pub uids: Vec<String>,
    pub with_deactivated: bool,
    pub only_deactivated: bool,
    /// The caller, who is not in the own list.
    pub except: Option<String>,
    pub sort: Sort,
    pub descending: bool,
}

#[derive(Debug, Default, Clone, Copy)]
pub enum Sort {
    #[default]
    Uid,
    Name,
    /// Online first, then by name.
    Status,
}

/// The uid as it is stored: lower case, 1 to 100 of `a-z 0-9 - _`.
pub fn uid_from(text: &str) -> Result<String, Failure> {
    if text.chars().count() > LONGEST_UID {
        return Err(Failure::invalid(
            "uid",
            format!("The uid may not be greater than {LONGEST_UID} characters."),
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(Failure::InvalidUid(text.into()));
    }
    Ok(text.to_ascii_lowercase())
}

fn role_exists(role: Option<&String>) -> Result<(), Failure> {
    match role {
        Some(role) if role != DEFAULT_ROLE => Err(Failure::RoleNotFound(role.clone())),
        _ => Ok(()),
    }
}

impl World {
    pub fn create_user(&mut self, uid: &str, profile: ProfileChange) -> Result<User, Failure> {
        let uid = uid_from(uid)?;
        if self.users.contains_key(&uid) {
            return Err(Failure::UidAlreadyExists(uid));
        }
        role_exists(profile.role.as_ref())?;
        let mut user = User {
            uid: uid.clone(),
            profile: Profile { role: DEFAULT_ROLE.into(), ..Profile::default() },
            created_at: self.now(),
            updated_at: None,
            last_active_at: None,
            deactivated_at: None,
        };
        profile.apply(&mut user.profile);
        self.users.insert(uid, user.clone());
        Ok(user)
    }

    /// All, deactivated ones too.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// An active user; the uid in any case.
    pub fn user(&self, uid: &str) -> Result<&User, Failure> {
        let user = self.users.get(&uid.to_lowercase()).filter(|user| user.deactivated_at.is_none());
        user.ok_or_else(|| Failure::UidNotFound(uid.into()))
    }

    pub fn update_user(&mut self, uid: &str, change: ProfileChange) -> Result<User, Failure> {
        role_exists(change.role.as_ref())?;
        let uid = self.user(uid)?.uid.clone();
        let now = self.now();
        let user = self.users.get_mut(&uid).ok_or(Failure::UidNotFound(uid))?;
        change.apply(&mut user.profile);
        user.updated_at = Some(now);
        Ok(user.clone())
    }

    /// For good: with the tokens, the messages, and so the conversations.
    pub fn delete_user(&mut self, uid: &str) -> Result<(), Failure> {
        let uid = uid.to_lowercase();
        if !self.users.contains_key(&uid) {
            return Err(Failure::UidNotFound(uid));
        }
        self.revoke_all(&uid);
        self.messages.retain(|message| message.sender != uid && message.receiver != uid);
        self.users.remove(&uid);
        Ok(())
    }

    /// Those that could be; the others do not exist, or are so already.
    pub fn deactivate(&mut self, uids: &[String]) -> Vec<String> {
        let now = self.now();
        let mut done = Vec::new();
        for uid in uids.iter().map(|uid| uid.to_lowercase()) {
            if self.user(&uid).is_err() {
                continue;
            }
            self.revoke_all(&uid);
            if let Some(user) = self.users.get_mut(&uid) {
                user.deactivated_at = Some(now);
                done.push(uid);
            }
        }
        done
    }

    pub fn reactivate(&mut self, uids: &[String]) -> Vec<String> {
        let mut done = Vec::new();
        for uid in uids.iter().map(|uid| uid.to_lowercase()) {
            if let Some(user) = self.users.get_mut(&uid).filter(|user| user.deactivated_at.is_some()) {
                user.deactivated_at = None;
                done.push(uid);
            }
        }
        done
    }

    pub fn find_users(&self, filter: &UserFilter) -> Vec<&User> {
        let search = filter.search.as_ref().map(|search| search.to_lowercase());
        let searched =
            |field: &str| filter.search_in.is_empty() || filter.search_in.iter().any(|name| name == field);
        let mut found: Vec<&User> = self
            .users
            .values()
            .filter(|user| match (filter.only_deactivated, filter.with_deactivated) {
                (true, _) => user.deactivated_at.is_some(),
                (false, true) => true,
                (false, false) => user.deactivated_at.is_none(),
            })
            .filter(|user| filter.except.as_ref() != Some(&user.uid))
            .filter(|user| filter.online.is_none_or(|online| online == self.is_online(&user.uid)))
            .filter(|user| filter.roles.is_empty() || filter.roles.contains(&user.profile.role))
            .filter(|user| {
                filter.uids.is_empty() || filter.uids.iter().any(|uid| uid.to_lowercase() == user.uid)
            })
            .filter(|user| {
                filter.tags.is_empty() || user.profile.tags.iter().any(|tag| filter.tags.contains(tag))
            })
            .filter(|user| {
                search.as_ref().is_none_or(|search| {
                    (searched("uid") && user.uid.contains(search))
                        || (searched("name") && user.profile.name.to_lowercase().contains(search))
                })
            })
            .collect();
        let name = |user: &User| user.profile.name.to_lowercase();
        match filter.sort {
            Sort::Uid => {}
            Sort::Name => found.sort_by_cached_key(|user| name(user)),
            Sort::Status => found.sort_by_cached_key(|user| (!self.is_online(&user.uid), name(user))),
        }
        if filter.descending {
            found.reverse();
        }
        found
    }

    /// What is not set is left out. `viewer` is the user who looks, if it is one: adds the id of the
    /// conversation of the two. Never holds an auth token: the SDK would take it for its own.
    pub fn user_view(&self, user: &User, viewer: Option<&str>, with_tags: bool) -> Value {
        let profile = &user.profile;
        let mut view = json!({
            "uid": user.uid,
            "name": profile.name,
            "status": if self.is_online(&user.uid) { "online" } else { "offline" },
            "role": profile.role,
            "createdAt": user.created_at,
        });
        let tags = (with_tags && !profile.tags.is_empty()).then_some(&profile.tags);
        let with =
            viewer.filter(|viewer| *viewer != user.uid).map(|viewer| conversation_id(viewer, &user.uid));
        for (name, value) in [
            ("avatar", profile.avatar.as_ref().map(|avatar| json!(avatar))),
            ("link", profile.link.as_ref().map(|link| json!(link))),
            ("statusMessage", profile.status_message.as_ref().map(|text| json!(text))),
            ("metadata", profile.metadata.clone()),
            ("tags", tags.map(|tags| json!(tags))),
            ("updatedAt", user.updated_at.map(|at| json!(at))),
            ("lastActiveAt", user.last_active_at.map(|at| json!(at))),
            ("deactivatedAt", user.deactivated_at.map(|at| json!(at))),
            ("conversationId", with.map(|id| json!(id))),
        ] {
            if let (Some(value), Some(view)) = (value, view.as_object_mut()) {
                view.insert(name.into(), value);
            }
        }
        view
    }

    pub(super) fn mark_active(&mut self, uid: &str) {
        let now = self.now();
        if let Some(user) = self.users.get_mut(uid) {
            user.last_active_at = Some(now);
        }
    }
}
