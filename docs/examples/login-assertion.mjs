// Signs an assertion that logs a user of an app in to cometchat-auth. It needs no package.
//
//   ASSERTION_KEY=… node login-assertion.mjs <id> <email> <name>     prints an assertion
//
// ASSERTION_KEY is the same in both servers: 32 bytes in base64, from `openssl rand -base64 32`.

import { createHmac, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";

/** Returns an assertion for this user. It is valid for one minute and one use. */
export function assertion({ id, email, name }, key = process.env.ASSERTION_KEY) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { aud: "cometchat-auth", sub: id, email, name, iat: now, exp: now + 60, jti: randomUUID() };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(body).digest("base64url");
  return `${body}.${signature}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [id, email, name] = process.argv.slice(2);
  console.log(assertion({ id, email, name }));
}
