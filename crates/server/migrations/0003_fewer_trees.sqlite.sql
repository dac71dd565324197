-- A sign-in writes a page of each tree that a row is in. So each row is in its primary key (WITHOUT ROWID) and not
-- also in a tree of its own, and what no query needs is not kept in order. A session is found in one tree.

CREATE TABLE new_users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    password_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO new_users (id, email, email_key, name, password_hash, password_version, created_at, updated_at)
SELECT id, email, email_key, name, password_hash, password_version, created_at, updated_at FROM users ORDER BY id;

CREATE TABLE new_sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    public_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES new_users (id),
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL,
    chat_token_sealed TEXT NOT NULL
) WITHOUT ROWID;

INSERT INTO new_sessions (token_hash, public_id, user_id, created_at, last_seen_at, expires_at, user_agent, address,
                          chat_token_sealed)
SELECT token_hash, public_id, user_id, created_at, last_seen_at, expires_at, user_agent, address, chat_token_sealed
FROM sessions
-- Of nobody, where somebody has deleted a user by hand: it opens nothing.
WHERE user_id IN (SELECT id FROM users) ORDER BY token_hash;

DROP TABLE sessions;

DROP TABLE users;

-- The reference of the sessions follows.
ALTER TABLE new_users RENAME TO users;

ALTER TABLE new_sessions RENAME TO sessions;

-- Not before it is full: a tree that is filled in its own order is quick.
CREATE UNIQUE INDEX users_email_key ON users (email_key);

CREATE UNIQUE INDEX sessions_user_id_public_id ON sessions (user_id, public_id);

CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE new_login_failures (
    key_hash TEXT NOT NULL PRIMARY KEY,
    account_hash TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO new_login_failures (key_hash, account_hash, failures, last_at)
SELECT key_hash, account_hash, failures, last_at FROM login_failures ORDER BY key_hash;

DROP TABLE login_failures;

ALTER TABLE new_login_failures RENAME TO login_failures;

CREATE INDEX login_failures_account_hash ON login_failures (account_hash);

CREATE INDEX login_failures_last_at ON login_failures (last_at);

CREATE TABLE new_handovers (
    id_hash TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO new_handovers (id_hash, expires_at) SELECT id_hash, expires_at FROM handovers ORDER BY id_hash;

DROP TABLE handovers;

ALTER TABLE new_handovers RENAME TO handovers;

CREATE INDEX handovers_expires_at ON handovers (expires_at);

CREATE TABLE new_chat_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    uid TEXT NOT NULL,
    payload_sealed TEXT NOT NULL,
    version BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    claim TEXT NOT NULL,
    claimed_until BIGINT NOT NULL,
    parked BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO new_chat_jobs (id, kind, uid, payload_sealed, version, attempts, run_at, claim, claimed_until, parked,
                           last_error, created_at)
SELECT id, kind, uid, payload_sealed, version, attempts, run_at, claim, claimed_until, parked, last_error, created_at
FROM chat_jobs ORDER BY id;

DROP TABLE chat_jobs;

ALTER TABLE new_chat_jobs RENAME TO chat_jobs;

CREATE INDEX chat_jobs_due ON chat_jobs (parked, run_at);

CREATE INDEX chat_jobs_uid ON chat_jobs (uid) WHERE kind = 'revoke_token';
