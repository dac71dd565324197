-- One text for SQLite and PostgreSQL: TEXT and BIGINT only, NOT NULL stated, no defaults. Times are Unix seconds.
--
-- WITHOUT ROWID is SQLite's and is left out for PostgreSQL: each row is stored in its primary key and not in a second
-- B-tree, so a login writes fewer pages. There is an index only where a query needs one.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY, -- also the uid at CometChat
    email TEXT NOT NULL, -- as typed, for display
    email_key TEXT NOT NULL, -- normalised, for comparison
    name TEXT NOT NULL,
    password_hash TEXT, -- a PHC string, after {imported} if another system made an Argon2id hash; NULL: no password
    password_version BIGINT NOT NULL, -- raised by each new password, not by a rehash
    assertion_login BIGINT NOT NULL, -- 1: assertions of the app's server may log this user in
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX users_email_key ON users (email_key);

CREATE TABLE sessions (
    token_hash TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the cookie's token, in hex
    public_id TEXT NOT NULL, -- names the session to its user; grants nothing
    user_id TEXT NOT NULL REFERENCES users (id), -- no cascade: a chat token is revoked with its session
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, -- the earlier of the idle and the absolute limit
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL,
    chat_token_sealed TEXT -- NULL: the session has no chat token yet
) WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_user_id_public_id ON sessions (user_id, public_id);

-- The list of a user's sessions, and which of them was idle longest.
CREATE INDEX sessions_user_id_last_seen_at ON sessions (user_id, last_seen_at, public_id);

CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE login_failures (
    key_hash TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the counted key: mistyped input is not stored
    account_hash TEXT NOT NULL, -- SHA-256 of the account alone, to find all rows of an account
    failures BIGINT NOT NULL, -- consecutive
    last_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX login_failures_account_hash ON login_failures (account_hash);

CREATE INDEX login_failures_last_at ON login_failures (last_at);

-- Assertions of the app's server that were used, until they expire.
CREATE TABLE used_assertions (
    id_hash TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the assertion's jti, in hex
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX used_assertions_expires_at ON used_assertions (expires_at);

-- Assertions of a user that were issued until this time are refused: the user was deleted, or all their sessions ended.
CREATE TABLE assertion_cutoffs (
    user_id TEXT NOT NULL PRIMARY KEY, -- also of a user who was deleted
    refused_until BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX assertion_cutoffs_refused_until ON assertion_cutoffs (refused_until);

-- The secret keys that servers have started with; the one with the highest number is the present one.
CREATE TABLE key_fingerprints (
    fingerprint TEXT NOT NULL PRIMARY KEY, -- derived from the key, and tells nothing of it
    number BIGINT NOT NULL UNIQUE,
    used_since BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE chat_jobs (
    id TEXT NOT NULL PRIMARY KEY, -- UUIDv7 in hex, which sorts by time, or user:{uid}
    kind TEXT NOT NULL,
    uid TEXT NOT NULL,
    payload_sealed TEXT, -- NULL: the kind and the uid suffice
    version BIGINT NOT NULL, -- raised when the job is enqueued again while it waits or runs
    attempts BIGINT NOT NULL,
    bulk BIGINT NOT NULL, -- 1: one of many, which is done when nothing else is due
    run_at BIGINT NOT NULL,
    claim TEXT, -- the claim of a worker; NULL: not claimed
    claimed_until BIGINT, -- the claim of a worker that died expires at this time
    parked BIGINT NOT NULL, -- 1: a permanent failure, waits for an operator
    last_error TEXT,
    created_at BIGINT NOT NULL,
    unsettled_until BIGINT -- until then CometChat may still carry out a call whose response was lost
) WITHOUT ROWID;

-- In the order in which jobs are taken, so that the next one is found at once however many wait.
CREATE INDEX chat_jobs_due ON chat_jobs (parked, bulk, run_at, id);

CREATE INDEX chat_jobs_uid ON chat_jobs (uid, id) WHERE kind = 'revoke_token';

-- The kinds of password hashes that users have: a failed login must not tell them apart by its time.
CREATE TABLE password_hash_kinds (
    sample TEXT NOT NULL PRIMARY KEY -- a hash of this scheme and these parameters that no password has
) WITHOUT ROWID;
