//! Users: creation, update, deactivation, deletion, search, and their JSON.

use super::model::{Profile, ProfileChange, Sort, User, UserFilter, conversation_id, parse_uid};
use super::store::World;
use crate::errors::RestError;
use serde_json::{Value, json};

/// The only role of the emulator. Every CometChat app has it; others have to be created.
const DEFAULT_ROLE: &str = "default";

fn check_role(role: Option<&String>) -> Result<(), RestError> {
    match role {
        Some(role) if role != DEFAULT_ROLE => Err(RestError::RoleNotFound(role.clone())),
        _ => Ok(()),
    }
}

impl World {
    pub fn create_user(&mut self, uid: &str, profile: ProfileChange) -> Result<User, RestError> {
        let uid = parse_uid(uid)?;
        if self.users.contains_key(&uid) {
            return Err(RestError::UidAlreadyExists(uid));
        }
        check_role(profile.role.as_ref())?;
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

    /// Returns all users, including deactivated ones.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// Returns an active user. The case of the uid does not matter.
    pub fn user(&self, uid: &str) -> Result<&User, RestError> {
        let user = self.users.get(&uid.to_lowercase()).filter(|user| user.deactivated_at.is_none());
        user.ok_or_else(|| RestError::UidNotFound(uid.into()))
    }

    pub fn update_user(&mut self, uid: &str, change: ProfileChange) -> Result<User, RestError> {
        check_role(change.role.as_ref())?;
        let uid = self.user(uid)?.uid.clone();
        let now = self.now();
        let user = self.users.get_mut(&uid).ok_or(RestError::UidNotFound(uid))?;
        change.apply(&mut user.profile);
        user.updated_at = Some(now);
        Ok(user.clone())
    }

    /// Deletes a user permanently, with all tokens and messages.
    pub fn delete_user(&mut self, uid: &str) -> Result<(), RestError> {
        let uid = uid.to_lowercase();
        if !self.users.contains_key(&uid) {
            return Err(RestError::UidNotFound(uid));
        }
        self.revoke_tokens_of(&uid);
        self.messages.retain(|message| message.sender != uid && message.receiver != uid);
        self.users.remove(&uid);
        Ok(())
    }

    /// Deactivates users and returns the uids of those that were active.
    pub fn deactivate(&mut self, uids: &[String]) -> Vec<String> {
        let now = self.now();
        let mut changed = Vec::new();
        for uid in uids.iter().map(|uid| uid.to_lowercase()) {
            if self.user(&uid).is_err() {
                continue;
            }
            self.revoke_tokens_of(&uid);
            if let Some(user) = self.users.get_mut(&uid) {
                user.deactivated_at = Some(now);
                changed.push(uid);
            }
        }
        changed
    }

    /// Reactivates users and returns the uids of those that were deactivated.
    pub fn reactivate(&mut self, uids: &[String]) -> Vec<String> {
        let mut changed = Vec::new();
        for uid in uids.iter().map(|uid| uid.to_lowercase()) {
            if let Some(user) = self.users.get_mut(&uid).filter(|user| user.deactivated_at.is_some()) {
                user.deactivated_at = None;
                changed.push(uid);
            }
        }
        changed
    }

    pub fn find_users(&self, filter: &UserFilter) -> Vec<&User> {
        let search = filter.search.as_ref().map(|search| search.to_lowercase());
        let searches_in =
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
                    (searches_in("uid") && user.uid.contains(search))
                        || (searches_in("name") && user.profile.name.to_lowercase().contains(search))
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

    /// Returns the JSON of a user without the fields that are not set. With a `viewer` it has the id of
    /// their conversation. It never has an auth token, because the SDK would take that for its own.
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
        let conversation =
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
            ("conversationId", conversation.map(|id| json!(id))),
        ] {
            if let (Some(value), Some(view)) = (value, view.as_object_mut()) {
                view.insert(name.into(), value);
            }
        }
        view
    }

    /// Sets the time of the last activity to now.
    pub(super) fn mark_active(&mut self, uid: &str) {
        let now = self.now();
        if let Some(user) = self.users.get_mut(uid) {
            user.last_active_at = Some(now);
        }
    }
}
