import { CHAT_URL } from "/settings.js";

const find = (selector) => document.querySelector(selector);

/** Calls an API with JSON and cookies. Throws the message of an error. */
async function call(url, body = {}) {
  const response = await fetch(url, {
    method: "POST",
    credentials: "include",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const json = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Error(json.message ?? `${url} returned ${response.status}`);
  return json;
}

const load = (src) =>
  new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject }));
  });

/** Loads CometChat's SDK with the settings of the chat server. */
async function startChat() {
  const { appId, region, emulatorUrl } = await (await fetch(`${CHAT_URL}/api/config`)).json();
  if (emulatorUrl) await load(`${emulatorUrl}/emulator/shim.js`); // before the SDK
  await load("/sdk/CometChat.js");
  const settings = new CometChat.AppSettingsBuilder().setRegion(region).autoEstablishSocketConnection(true);
  if (emulatorUrl) {
    const host = `${new URL(emulatorUrl).host}/v3.0`;
    settings.overrideClientHost(host).overrideAdminHost(host);
  }
  await CometChat.init(appId, settings.build());
}

const show = (message) => {
  const item = document.createElement("li");
  item.textContent = `${message.getSender().getName()}: ${message.getText()}`;
  find("#messages").append(item);
};

async function openChat() {
  await startChat();
  // At the app's login, not with each click: an assertion is valid once.
  const { assertion } = await call("/chat-assertion");
  const { name, cometchatAuthToken } = await call(`${CHAT_URL}/api/login/assertion`, { assertion });
  find("#login").hidden = true;
  find("#chat").hidden = false;
  if (!cometchatAuthToken) {
    find("#status").textContent = "Chat is unavailable. Please reload the page later.";
    return;
  }
  await CometChat.login(cometchatAuthToken);
  CometChat.addMessageListener("page", new CometChat.MessageListener({ onTextMessageReceived: show }));
  find("#status").textContent = `Connected as ${name}`;
}

/** Runs an action of the user, and shows its error. */
const on = (selector, event, action) =>
  find(selector).addEventListener(event, async (occurred) => {
    occurred.preventDefault();
    try {
      await action(new FormData(occurred.target instanceof HTMLFormElement ? occurred.target : undefined));
    } catch (error) {
      find("#status").textContent = error.message;
    }
  });

on("#login", "submit", async (form) => {
  await call("/login", { email: form.get("email") });
  await openChat();
});

on("#send", "submit", async (form) => {
  const message = new CometChat.TextMessage(form.get("to"), form.get("text"), CometChat.RECEIVER_TYPE.USER);
  show(await CometChat.sendMessage(message));
});

on("#logout", "click", async () => {
  await CometChat.logout().catch(() => {}); // the server revokes the token in any case
  await call(`${CHAT_URL}/api/logout`);
  await call("/logout");
  location.reload();
});
