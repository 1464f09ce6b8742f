// Owns the queue of what was captured on this device: kept in IndexedDB in the order of its making, sent by tus in pieces, gone only
// when the server has all of it. Works with the call down; what a reload interrupts goes on where it was. Never keeps a token.

import { CAPTURES, database, run } from './call-store.js';

const TUS = { 'tus-resumable': '1.0.0' };
const SLOWEST_MS = 15000;
const REFUSED = [413, 422];  // the server will never take it
const LOCK = 'yunjian-call-send';

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

export class CaptureQueue {
  constructor(call, pieceKb, onChange) {
    this.call = call;
    this.piece = pieceKb * 1024;
    this.onChange = onChange;
    this.busy = false;
    this.waitMs = 1000;
  }

  async start() {
    this.database = await database();
    addEventListener('online', () => this.push());
    navigator.storage?.persist?.().catch(() => null);  // ask the browser not to clear unsent evidence for space
    await this.tell();
    this.push();
  }

  // facts: item_ref, captured_at, clock_offset_ms, device, position?
  async add(blob, facts) {
    const bytes = await blob.arrayBuffer();
    const sha256 = hex(await crypto.subtle.digest('SHA-256', bytes));
    const key = crypto.randomUUID();
    const entry = { seat: this.call.seat, bytes,
      facts: { ...facts, sha256, client_key: key, media_type: blob.type.split(';')[0] || 'image/jpeg' } };
    await run(this.database, CAPTURES, 'readwrite', (store) => store.add(entry));
    await this.tell();
    this.push();
  }

  // The numbers of this seat's captures, oldest first; their bytes stay where they are.
  waiting() {
    return run(this.database, CAPTURES, 'readonly', (store) => store.index('seat').getAllKeys(this.call.seat));
  }

  async tell(delivered = false) { this.onChange((await this.waiting()).length, delivered); }

  async push() {
    if (this.busy || !this.call.token) return;
    this.busy = true;
    try {
      // Two tabs of one phone must not send the same capture side by side.
      if (navigator.locks) await navigator.locks.request(LOCK, () => this.sendAll()); else await this.sendAll();
      this.waitMs = 1000;
    } catch {
      setTimeout(() => this.push(), this.waitMs);
      this.waitMs = Math.min(SLOWEST_MS, this.waitMs * 2);
    } finally {
      this.busy = false;
    }
  }

  async sendAll() {
    for (let [order] = await this.waiting(); order !== undefined; [order] = await this.waiting()) {
      const entry = await run(this.database, CAPTURES, 'readonly', (store) => store.get(order));
      try {
        await this.send(entry);
      } catch (error) {
        if (!REFUSED.includes(error.status)) throw error;
        // It stays on the phone, out of the way of the others, and the person has to know.
        await run(this.database, CAPTURES, 'readwrite', (store) => store.put({ ...entry, seat: `refused/${entry.seat}` }));
        this.onRefused?.(error);
        await this.tell();
        continue;
      }
      await run(this.database, CAPTURES, 'readwrite', (store) => store.delete(order));
      await this.tell(true);
    }
  }

  async send(entry) {
    const size = entry.bytes.byteLength;
    const facts = Object.entries({ ...entry.facts, order: entry.order });
    const metadata = facts.filter(([, value]) => value !== null && value !== undefined && value !== '')
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
