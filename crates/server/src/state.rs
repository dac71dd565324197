//! The state of the application: what a request works with.

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

/// What a request works with. One for the whole process.
pub struct AppState {
    pub db: Db,
    pub clock: Clock,
    pub hasher: Hasher,
    pub address_limit: AddressLimit,
    pub device_cookies: DeviceCookieSigner,
    /// Whose turn it is to have a new password judged.
    pub policy_check_slots: Semaphore,
    /// How much of CometChat each user may cause.
    pub user_limit: UserLimit,
    /// Code points that a new password needs.
    pub password_min_length: usize,
    pub chat: Arc<ChatService>,
    pub session_lifetime: Lifetime,
    /// What another server signs with that hands its users over: one of these. None: no server does.
    pub assertion_keys: Vec<SecretKey>,
    pub audit: Audit,
    /// Cancelled when the server has been told to stop: nobody should send it anything new.
    pub shutdown: CancellationToken,
    /// Work is done on this runtime and not on the HTTP workers' own ones, see [`AppState::run_to_completion`].
    pub(crate) runtime: tokio::runtime::Handle,
}

impl AppState {
    /// Does a request's work to its end, also when the request is dropped half way because the client
    /// hung up. It runs on the shared runtime, where the connections to the database and to CometChat
    /// live: on a worker's own runtime, one busy worker would hold up the connections of all.
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
