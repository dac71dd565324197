//! Users that the tests add.

pub struct User {
    pub id: &'static str,
    pub email: &'static str,
    pub name: &'static str,
    pub password: &'static str,
}

pub const GRACE: User =
    User { id: "grace", email: "grace@example.com", name: "Grace Hopper", password: "password" };

/// The user that exists in every test.
pub const DEMO: User =
    User { id: "test-user-id", email: "test@example.com", name: "Test User", password: "password" };
