-- One text for SQLite and PostgreSQL: TEXT and BIGINT only, NOT NULL said aloud, no defaults.
-- Times are Unix seconds. An empty text stands for "none", so that no column is nullable.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY, -- also the uid at CometChat
    email TEXT NOT NULL, -- as typed, for people
    email_key TEXT NOT NULL UNIQUE, -- normalised, for comparing
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL, -- a PHC string; empty: this user has no password
    password_version BIGINT NOT NULL, -- goes up with each new password, and not when one is hashed anew
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    token_hash TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the cookie's token, in hex
    public_id TEXT NOT NULL UNIQUE, -- names the session to its user; opens nothing
    user_id TEXT NOT NULL REFERENCES users (id), -- no cascade: a chat token must be revoked with its session
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, -- the sooner of the idle and the absolute limit
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL,
    chat_token_sealed TEXT NOT NULL -- empty: none was minted yet
);

CREATE INDEX sessions_user_id ON sessions (user_id);

CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE login_failures (
    key_hash TEXT NOT NULL PRIMARY KEY, -- SHA-256 of whom it counts: what people type by mistake is not kept
    account_hash TEXT NOT NULL, -- SHA-256 of the account alone, to find all that belongs to it
    failures BIGINT NOT NULL, -- in a row
    last_at BIGINT NOT NULL
);

CREATE INDEX login_failures_account_hash ON login_failures (account_hash);

CREATE INDEX login_failures_last_at ON login_failures (last_at);

CREATE TABLE chat_jobs (
    id TEXT NOT NULL PRIMARY KEY, -- UUIDv7 in hex, which sorts by time, or sync:{uid}
    kind TEXT NOT NULL,
    uid TEXT NOT NULL,
    payload_sealed TEXT NOT NULL, -- empty: the kind and the uid say it all
    version BIGINT NOT NULL, -- goes up when the job is asked for again while it waits or is being done
    attempts BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    claim TEXT NOT NULL, -- names whoever does the job now; empty: nobody
    claimed_until BIGINT NOT NULL, -- who dies with a job lets go of it at this time
    parked BIGINT NOT NULL, -- 1: can never succeed, waits for a person
    last_error TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX chat_jobs_due ON chat_jobs (parked, run_at);

CREATE INDEX chat_jobs_uid ON chat_jobs (uid, id);
