// Owns the queue of stills on the phone: kept in IndexedDB, sent by tus in pieces, gone only when the server has all of it.
// Works with the call down; what a reload interrupts goes on where it was. Never keeps a token.

const DATABASE = 'yunjian-call';
const STORE = 'stills';
const TUS = { 'tus-resumable': '1.0.0' };
const SLOWEST_MS = 15000;

function open() {
  return new Promise((done, failed) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'key' });
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

function run(database, mode, work) {
  return new Promise((done, failed) => {
    const request = work(database.transaction(STORE, mode).objectStore(STORE));
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

export class StillQueue {
  constructor(call, pieceKb, onChange) {
    this.call = call;
    this.piece = pieceKb * 1024;
    this.onChange = onChange;
    this.busy = false;
    this.waitMs = 1000;
  }

  async start() {
    this.database = await open();
    addEventListener('online', () => this.push());
    await this.tell();
    this.push();
  }

  // facts: item_ref, captured_at, clock_offset_ms, device, position?
  async add(blob, facts) {
    const bytes = await blob.arrayBuffer();
    const sha256 = hex(await crypto.subtle.digest('SHA-256', bytes));
    const key = crypto.randomUUID();
    const entry = { key, room: this.call.room, seat: this.call.seat, bytes, place: '',
      facts: { ...facts, sha256, client_key: key, media_type: blob.type || 'image/jpeg' } };
    await run(this.database, 'readwrite', (store) => store.put(entry));
    await this.tell();
    this.push();
  }

  async waiting() {
    const all = await run(this.database, 'readonly', (store) => store.getAll());
    return all.filter((entry) => entry.seat === this.call.seat);
  }

  async tell(delivered = false) { this.onChange((await this.waiting()).length, delivered); }

  async push() {
    if (this.busy || !this.call.token) return;
    this.busy = true;
    try {
      for (const entry of await this.waiting()) {
        await this.send(entry);
        await run(this.database, 'readwrite', (store) => store.delete(entry.key));
        await this.tell(true);
      }
      this.waitMs = 1000;
    } catch (error) {
      if (error.status === 422 || error.status === 413) {  // the server will never take it; the person has to know
        this.onRefused?.(error);
      }
      setTimeout(() => this.push(), this.waitMs);
      this.waitMs = Math.min(SLOWEST_MS, this.waitMs * 2);
    } finally {
      this.busy = false;
    }
  }

  async send(entry) {
    const size = entry.bytes.byteLength;
    const metadata = Object.entries(entry.facts).filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => `${name} ${base64(new TextEncoder().encode(String(value)))}`).join(',');
    const made = await this.call.request('POST', 'uploads', {
      headers: { ...TUS, 'upload-length': String(size), 'upload-metadata': metadata },
    });
    const place = made.headers.get('location');
    let offset = Number(made.headers.get('upload-offset'));
    if (offset >= size) await this.call.request('HEAD', place, { headers: TUS });
    while (offset < size) {
      const part = entry.bytes.slice(offset, offset + this.piece);
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', part));
      const answer = await this.call.request('PATCH', place, {
        body: part,
        headers: { ...TUS, 'upload-offset': String(offset), 'upload-checksum': `sha256 ${base64(digest)}`,
          'content-type': 'application/offset+octet-stream' },
      });
      offset = Number(answer.headers.get('upload-offset'));
    }
  }
}
