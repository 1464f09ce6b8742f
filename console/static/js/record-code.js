// Owns reading a signed record code in the browser: Base45, CBOR, COSE_Sign1 with Ed25519, the same checks as core/record_codes.py.
// Never returns a part of a code: every check passes or an Error with the reason's name is thrown. Works without a network.

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
const PREFIX = 'YJ1:';
const LONGEST = 4096;
const SUB = 2, AUD = 3, IAT = 6, CTI = 7, COUNT = -70011, LAST = -70012, ROOT = -70013;
const ALG = 1, KID = 4, EDDSA = -8, SIGN1 = 18;

// What the code says. trust: {keys: [{key_id, kind, public}], revoked_keys, revoked_codes}
export async function readCode(text, trust) {
  const raw = bytesOf(text.trim());
  const message = only(raw);
  if (message?.tag !== SIGN1 || !Array.isArray(message.value) || message.value.length !== 4) throw new Error('malformed');
  const [head, open, payload, signature] = message.value;
  if (!(head instanceof Uint8Array && open instanceof Map && open.size === 0 && payload instanceof Uint8Array && signature instanceof Uint8Array)) throw new Error('malformed');
  const header = only(head);
  if (!(header instanceof Map)) throw new Error('malformed');
  const kid = header.get(KID);
  const name = kid instanceof Uint8Array ? new TextDecoder().decode(kid) : '';
  const key = trust.keys.find((one) => one.key_id === name);
  if (!key) throw new Error('foreign_key');
  if (header.get(ALG) !== EDDSA) throw new Error('altered');
  if (!await verified(fromBase64url(key.public), signature, toBeSigned(head, payload))) throw new Error('altered');
  if (trust.revoked_keys.includes(name)) throw new Error('revoked_key');
  return said(only(payload), key, trust);
}

function said(claims, key, trust) {
  if (!(claims instanceof Map)) throw new Error('malformed');
  const jti = claims.get(CTI), root = claims.get(ROOT);
  if (!(jti instanceof Uint8Array && root instanceof Uint8Array && Number.isInteger(claims.get(COUNT)) && Number.isInteger(claims.get(IAT))
    && /^\d{4}-\d\d-\d\d$/.test(claims.get(LAST)))) throw new Error('malformed');
  if (trust.revoked_codes.includes(new TextDecoder().decode(jti))) throw new Error('revoked');
  return {subject: String(claims.get(SUB)), registry: String(claims.get(AUD)), count: claims.get(COUNT), last: claims.get(LAST),
    issued: new Date(claims.get(IAT) * 1000), key: key.key_id, demo: key.kind === 'demo'};
}

async function verified(raw, signature, data) {
  let key;
  try {
    key = await crypto.subtle.importKey('raw', raw, {name: 'Ed25519'}, false, ['verify']);
  } catch {
    throw new Error('unsupported');
  }
  return crypto.subtle.verify({name: 'Ed25519'}, key, signature, data);
}

// Sig_structure of RFC 9052, 4.4: ["Signature1", protected, external_aad = h'', payload]
function toBeSigned(head, payload) {
  const label = new TextEncoder().encode('Signature1');
  return joined([[0x84, 0x60 + label.length], label, byteHead(head.length), head, [0x40], byteHead(payload.length), payload]);
}

function byteHead(length) {
  if (length < 24) return [0x40 + length];
  if (length < 256) return [0x58, length];
  return [0x59, length >> 8, length & 255];
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function bytesOf(written) {
  if (!written || written.length > LONGEST) throw new Error('malformed');
  if (written.startsWith(PREFIX)) return fromBase45(written.slice(PREFIX.length));
  if (!/^[\w-]+$/.test(written)) throw new Error('malformed');
  try {
    return fromBase64url(written);
  } catch {
    throw new Error('malformed');
  }
}

export function fromBase64url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
}

// RFC 9285
function fromBase45(text) {
  const digits = [...text].map((one) => ALPHABET.indexOf(one));
  if (digits.includes(-1) || digits.length % 3 === 1) throw new Error('malformed');
  const out = [];
  for (let at = 0; at < digits.length; at += 3) {
    const [low, middle, high] = digits.slice(at, at + 3);
    const value = low + middle * 45 + (high ?? 0) * 2025;
    if (value > (high === undefined ? 255 : 65535)) throw new Error('malformed');
    if (high !== undefined) out.push(value >> 8);
    out.push(value & 255);
  }
  return Uint8Array.from(out);
}

// The whole of the bytes as one CBOR item (RFC 8949): the kinds that a code has.
function only(bytes) {
  const reader = {bytes, at: 0, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)};
  const value = item(reader, 0);
  if (reader.at !== bytes.length) throw new Error('malformed');
  return value;
}

function item(reader, depth) {
  if (depth > 8 || reader.at >= reader.bytes.length) throw new Error('malformed');
  const first = reader.bytes[reader.at++];
  const kind = first >> 5, value = argument(reader, first & 31);
  if (kind === 0) return value;
  if (kind === 1) return -1 - value;
  if (kind === 2) return taken(reader, value);
  if (kind === 3) return new TextDecoder('utf-8', {fatal: true}).decode(taken(reader, value));
  if (kind === 4) return Array.from({length: bounded(reader, value)}, () => item(reader, depth + 1));
  if (kind === 5) return new Map(Array.from({length: bounded(reader, value)}, () => [item(reader, depth + 1), item(reader, depth + 1)]));
  if (kind === 6) return {tag: value, value: item(reader, depth + 1)};
  throw new Error('malformed');
}

function bounded(reader, count) {
  if (count > reader.bytes.length) throw new Error('malformed');
  return count;
}

function argument(reader, low) {
  if (low < 24) return low;
  const size = {24: 1, 25: 2, 26: 4, 27: 8}[low];
  if (!size || reader.at + size > reader.bytes.length) throw new Error('malformed');
  const at = reader.at;
  reader.at += size;
  if (size === 1) return reader.view.getUint8(at);
  if (size === 2) return reader.view.getUint16(at);
  if (size === 4) return reader.view.getUint32(at);
  const big = reader.view.getBigUint64(at);
  if (big > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('malformed');
  return Number(big);
}

function taken(reader, length) {
  if (reader.at + length > reader.bytes.length) throw new Error('malformed');
  reader.at += length;
  return reader.bytes.slice(reader.at - length, reader.at);
}
