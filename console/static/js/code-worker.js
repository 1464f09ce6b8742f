// Owns the code check page without a network: a service worker that keeps the page and its static files as last seen.
// Never answers for anything but the check page and static files; the trust list is the page's own.
const KEPT = 'yunjian-code-check-1';
const PAGE = '/reforms/codes/check';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim().then(keepShown)));
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname !== PAGE && !url.pathname.startsWith('/static/')) return;
  event.respondWith(fetched(event.request));
});

async function fetched(request) {
  const store = await caches.open(KEPT);
  try {
    const reply = await fetch(request);
    if (reply.ok) await store.put(request, reply.clone());
    return reply;
  } catch (error) {
    const kept = await store.match(request, {ignoreSearch: new URL(request.url).pathname === PAGE, ignoreVary: true});
    if (kept) return kept;
    throw error;
  }
}

// The first visit loaded its files before this worker was there: fetch them once more through it.
async function keepShown() {
  const store = await caches.open(KEPT);
  const page = await fetch(PAGE, {credentials: 'same-origin'}).catch(() => null);
  if (!page?.ok) return;
  await store.put(PAGE, page.clone());
  const text = await page.text();
  const files = [...new Set([...text.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g)].map((found) => found[1].replaceAll('&amp;', '&')))];
  const modules = ['/static/js/record-code.js', '/static/shell.js', '/static/vendor/openbridge.js', '/static/vendor/htmx.js', '/static/vendor/NotoSans.ttf'];
  await Promise.all([...files, ...modules].map((path) => fetch(path).then((reply) => reply.ok && store.put(path, reply)).catch(() => {})));
}
