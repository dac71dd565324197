// Rewrites https to http and wss to ws in fetch and WebSocket, but only for the host that served this
// script. CometChat's SDK looks both globals up at call time, so load the script before the SDK logs
// in.
(() => {
  const origin = new URL(document.currentScript.src);
  if (origin.protocol !== 'http:') return;
  // The SDK always writes the port of a WebSocket, but an http origin omits port 80.
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
