// An app with its own users and login, whose users chat through cometchat-auth. See README.md in this folder.

import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import express from "express";

const { CHAT_URL, PORT = "5000" } = process.env;
const key = Buffer.from(process.env.ASSERTION_KEY ?? "", "base64");
if (!CHAT_URL) throw new Error("set CHAT_URL to the PUBLIC_URL of cometchat-auth");
if (key.length !== 32) throw new Error("set ASSERTION_KEY to 32 bytes in base64: openssl rand -base64 32");

// Stand for your own users, password check and sessions.
const users = [
  { id: 1, email: "ann@example.com", name: "Ann" },
  { id: 2, email: "ben@example.com", name: "Ben" },
];
const sessions = new Map();
const sessionId = (request) => /(?:^|; )app-session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];

/** Returns a JWT that logs this user in to cometchat-auth: for one minute, and once. */
function assertion(user) {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = [
    encode({ alg: "HS256", typ: "JWT" }),
    encode({
      aud: "cometchat-auth",
      sub: String(user.id), // a text, also if the database has numbers
      email: user.email,
      name: user.name,
      iat: now,
      exp: now + 60,
      jti: randomUUID(),
    }),
  ].join(".");
  return `${body}.${createHmac("sha256", key).update(body).digest("base64url")}`;
}

const app = express();
const folder = fileURLToPath(new URL(".", import.meta.url));
app.use(express.json());
app.use(express.static(`${folder}/public`));
app.use("/sdk", express.static(`${folder}/node_modules/@cometchat/chat-sdk-javascript`));
app.get("/settings.js", (_, response) => {
  response.type("js").send(`export const CHAT_URL = ${JSON.stringify(CHAT_URL)};`);
});

app.post("/login", (request, response) => {
  const user = users.find((user) => user.email === request.body?.email);
  if (!user) return response.status(401).json({ message: "unknown user" });
  const id = randomBytes(16).toString("hex");
  sessions.set(id, user);
  response.cookie("app-session", id, { httpOnly: true, sameSite: "strict" }).json({ name: user.name });
});

app.post("/logout", (request, response) => {
  sessions.delete(sessionId(request));
  response.clearCookie("app-session").status(204).end();
});

// Only for the user of this app's session. POST, so that no other site can make a browser call it.
app.post("/chat-assertion", (request, response) => {
  const user = sessions.get(sessionId(request));
  if (!user) return response.status(401).json({ message: "log in first" });
  response.json({ assertion: assertion(user) });
});

const server = app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
