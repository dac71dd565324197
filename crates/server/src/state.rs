//! The state that all requests share.

use crate::clock::Clock;
use crate::cometchat::ChatService;
use crate::crypto::seal::SecretKey;
use crate::db::Db;
use crate::passwords::Hasher;
use crate::sessions::Lifetime;
use crate::telemetry::audit::Audit;
use crate::telemetry::request_timing;
use crate::throttle::device_cookie::DeviceCookieSigner;
use crate::throttle::token_bucket::AddressLimit;
use crate::throttle::user_limit::UserLimit;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The state that all requests share. A process has one.
pub struct AppState {
    pub db: Db,
    pub clock: Clock,
    pub hasher: Hasher,
    pub address_limit: AddressLimit,
    pub device_cookies: DeviceCookieSigner,
    /// Limits how many new passwords are checked against the policy concurrently.
    pub policy_check_slots: Semaphore,
    /// Limits the actions of a user that cause calls to CometChat.
    pub user_limit: UserLimit,
    /// Minimum length of a new password, in code points.
    pub password_min_length: usize,
    pub chat: Arc<ChatService>,
    pub session_lifetime: Lifetime,
    /// Keys that login assertions may be signed with. If there is none, assertions are rejected.
    pub assertion_keys: Vec<SecretKey>,
    pub audit: Audit,
    /// Cancelled when the server begins to shut down. It then reports that it is not ready.
    pub shutdown: CancellationToken,
    /// Runs the work of requests, see [`AppState::run_to_completion`]. The HTTP workers have runtimes of their own.
    pub(crate) runtime: tokio::runtime::Handle,
}

impl AppState {
    /// Runs the work of a request to its end, even if the request is dropped because its client closes
    /// the connection.
    ///
    /// It runs on the shared runtime, which drives the connections to the database and to CometChat: on
    /// the runtime of one HTTP worker, that worker would delay the connections of all others while it is
    /// busy.
    pub async fn run_to_completion<T, F>(
        self: &Arc<Self>,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, tokio::task::JoinError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        use tracing::Instrument as _;
        let work = request_timing::scope(request_timing::current(), work(Arc::clone(self)));
        self.runtime.spawn(work.instrument(tracing::Span::current())).await
    }
}
