// Owns what is said of the link, in words: the check before a call, and how the phone's own sending goes during it.

const FIRST_BYTES = 16 * 1024, MOST_BYTES = 1024 * 1024;
const ENOUGH_MS = 700;   // a piece that took so long tells the rate well enough
const LOOK_MS = 2000;

// 'good', 'pictures' (small ones) or 'sound': the same limits as the forwarder's (config/video/link.toml).
export const wordOf = (kbps, { sound_kbps: sound, picture_kbps: picture }) => (kbps < sound ? 'sound' : kbps < picture ? 'pictures' : 'good');

// Sends pieces that grow until one takes long enough; kbit/s upwards, which is the way a phone's picture goes. Null: no link.
export async function measureUplink(call) {
  for (let size = FIRST_BYTES; ; size *= 4) {
    const body = crypto.getRandomValues(new Uint8Array(Math.min(size, 65536)));
    const part = new Blob(Array.from({ length: Math.ceil(size / body.length) }, () => body));
    const began = performance.now();
    try {
      await call.request('POST', `${call.here}/probe`, { body: part, headers: { 'content-type': 'application/octet-stream' } });
    } catch { return null; }
    const took = performance.now() - began;
    if (took >= ENOUGH_MS || size >= MOST_BYTES) return 8 * size / took;
  }
}

// What the browser says it can send. `onWord` hears each change.
export function watchSending(connection, limits, onWord) {
  let word = '';
  const timer = setInterval(async () => {
    if (connection.connectionState === 'closed') { clearInterval(timer); return; }
    const all = [...(await connection.getStats()).values()];
    const pair = all.find((one) => one.type === 'candidate-pair' && one.nominated);
    if (!pair?.availableOutgoingBitrate) return;
    const now = wordOf(pair.availableOutgoingBitrate / 1000, limits);
    if (now !== word) { word = now; onWord(now); }
  }, LOOK_MS);
}
