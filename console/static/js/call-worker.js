// Owns the phone's page while there is no link: keeps its own files and shows them again after a reload. Never touches the API.
// `KEPT` is written in front of this file by console/pages/call.py: { cache, pages, files }.
const { cache: CACHE, pages: PAGES, files: FILES } = KEPT;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([...PAGES, ...FILES])).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const old = (names) => Promise.all(names.filter((name) => name.startsWith('call-') && name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

// The network first, so that a new version is seen at once; what is kept only where the network does not answer.
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  const page = event.request.mode === 'navigate' && url.pathname === '/call/join';
  if (event.request.method !== 'GET' || url.origin !== location.origin || !(page || url.pathname.startsWith('/static/'))) return;
  const kept = async () => {
    const cache = await caches.open(CACHE);
    return await cache.match(event.request, { ignoreSearch: !page })
      ?? (page ? cache.match(PAGES[0]) : undefined) ?? Response.error();
  };
  event.respondWith(fetch(event.request).catch(kept));
});
