-- What no query needs is not kept in order: see 0003_fewer_trees.sqlite.sql.

CREATE UNIQUE INDEX sessions_user_id_public_id ON sessions (user_id, public_id);

ALTER TABLE sessions DROP CONSTRAINT sessions_public_id_key;

DROP INDEX sessions_user_id;

DROP INDEX chat_jobs_uid;

CREATE INDEX chat_jobs_uid ON chat_jobs (uid) WHERE kind = 'revoke_token';
