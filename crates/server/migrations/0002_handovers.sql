-- The assertions of another server that have been used, until they would not be believed any more anyway.

CREATE TABLE handovers (
    id_hash TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the assertion's jti, in hex
    expires_at BIGINT NOT NULL
);

CREATE INDEX handovers_expires_at ON handovers (expires_at);
