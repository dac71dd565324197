// Looks every two seconds, and leaves the page alone when nothing changed or somebody is selecting.
setInterval(async () => {
  try {
    const answer = await fetch('/');
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
    const shown = document.querySelector('main');
    document.body.removeAttribute('data-stopped');
    if (fresh && fresh.innerHTML !== shown.innerHTML && getSelection().isCollapsed) shown.replaceWith(fresh);
  } catch {
    document.body.setAttribute('data-stopped', '');
  }
}, 2000);
