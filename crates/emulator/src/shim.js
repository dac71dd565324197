// Rewrites https to http and wss to ws in fetch and WebSocket, for the host that this script came
// from and for no other. CometChat's SDK calls both as globals at call time, so load this any time
// before it signs in.
(() => {
  const origin = new URL(document.currentScript.src);
  if (origin.protocol !== 'http:') return;
  // The SDK writes the port of a WebSocket out, even where http leaves it away.
  const hosts = origin.port ? [origin.host] : [origin.host, origin.host + ':80'];
  const plain = { 'https:': 'http:', 'wss:': 'ws:' };
  const rewrite = (address) => {
    let url;
    try { url = new URL(address, location.href); } catch { return address; }
    const scheme = plain[url.protocol];
    if (!scheme || !hosts.includes(url.host)) return address;
    return scheme + String(address).slice(String(address).indexOf(':') + 1);
  };

  const fetch = window.fetch;
  window.fetch = (resource, options) => {
    if (resource instanceof Request) {
      const address = rewrite(resource.url);
      return fetch.call(window, address === resource.url ? resource : new Request(address, resource), options);
    }
    return fetch.call(window, rewrite(resource), options);
  };

  window.WebSocket = class extends window.WebSocket {
    constructor(address, protocols) {
      super(rewrite(address), protocols ?? []);
    }
  };
})();
