// Owns what a phone keeps between visits: captures that were not sent yet, and what it needs to go on without a link.
// Never keeps a token or a code: a call is found by the SHA-256 of its code.

const DATABASE = 'yunjian-call';
const VERSION = 2;
export const CAPTURES = 'captures';
const CALLS = 'calls';

let opened = null;
export function database() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      const made = request.result;
      if (made.objectStoreNames.contains(CAPTURES)) return;
      made.createObjectStore(CAPTURES, { keyPath: 'order', autoIncrement: true }).createIndex('seat', 'seat');
      made.createObjectStore(CALLS, { keyPath: 'id' });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opened;
}

export function run(open, store, mode, work) {
  return new Promise((done, failed) => {
    const transaction = open.transaction(store, mode);
    const request = work(transaction.objectStore(store));
    // A capture counts as kept when it is on the disk, not when the request was taken.
    transaction.oncomplete = () => done(request.result);
    transaction.onerror = transaction.onabort = () => failed(transaction.error);
  });
}

async function idOf(code) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function remember(code, joined, shots, offsetMs) {
  const { room_id, seat_id, role, rights, piece_kb } = joined;
  const id = await idOf(code);
  const known = { id, room_id, seat_id, role, rights, piece_kb, shots, offsetMs };
  await run(await database(), CALLS, 'readwrite', (store) => store.put(known)).catch(() => null);
}

// What is known of a call whose server cannot be reached; undefined if this phone was never let in.
export async function recall(code) {
  const id = await idOf(code);
  return run(await database(), CALLS, 'readonly', (store) => store.get(id)).catch(() => undefined);
}

// The page itself is kept too, so that a reload without a link shows it again.
export function keepPage() {
  navigator.serviceWorker?.register('/call/worker.js', { scope: '/call/' }).catch(() => null);
}
