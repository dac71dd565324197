// Reloads the content every two seconds. Keeps the page if nothing changed or the user selects text.
setInterval(async () => {
  try {
    const response = await fetch('/');
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('main');
    const shown = document.querySelector('main');
    document.body.removeAttribute('data-offline');
    if (fresh && fresh.innerHTML !== shown.innerHTML && getSelection().isCollapsed) shown.replaceWith(fresh);
  } catch {
    document.body.setAttribute('data-offline', '');
  }
}, 2000);
