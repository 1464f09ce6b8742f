// Owns the public check of codes: keeps the trust list on the device, checks pasted or scanned codes, says how old the list is.
// Never sends a code anywhere.
import {readCode} from './record-code.js';

const STORED = 'yunjian.code_trust';
const area = document.getElementById('check');
const words = document.getElementById('words').content;
const answer = document.getElementById('answer');
const state = document.getElementById('trust-state');
let trust = null;

if ('serviceWorker' in navigator) navigator.serviceWorker.register(area.dataset.worker, {scope: '/reforms/codes/check'}).catch(() => {});
document.getElementById('check-form').addEventListener('submit', (event) => {
  event.preventDefault();
  check(document.getElementById('code').value);
});
window.addEventListener('online', load);
window.addEventListener('offline', load);
load();
offerScan();

async function load() {
  const fresh = await fetch(area.dataset.trust, {cache: 'no-store'}).then((reply) => (reply.ok ? reply.json() : null)).catch(() => null);
  if (fresh) localStorage.setItem(STORED, JSON.stringify(fresh));
  trust = fresh ?? JSON.parse(localStorage.getItem(STORED) ?? 'null');
  const kind = fresh ? 'online' : trust ? 'stored' : 'none';
  state.className = `tag tag-${{online: 'ok', stored: 'warning', none: 'alarm'}[kind]}`;
  state.textContent = `${words.querySelector(`[data-trust=${kind}]`).textContent} ${trust?.at ?? ''}`;
}

async function check(text) {
  try {
    if (!trust) throw new Error('no_trust');
    show(await readCode(text, trust));
  } catch (error) {
    const why = words.querySelector(`[data-why="${error.message}"]`) ?? words.querySelector('[data-why=malformed]');
    const box = document.getElementById('invalid').content.cloneNode(true);
    box.querySelector('[data-part=why]').textContent = why.textContent;
    answer.replaceChildren(box);
  }
}

function show(found) {
  const box = document.getElementById('valid').content.cloneNode(true);
  const registry = words.querySelector(`[data-registry="${CSS.escape(found.registry)}"]`)?.textContent ?? found.registry;
  const parts = {...found, registry, issued: found.issued.toISOString().replace('T', ' ').slice(0, 19) + 'Z'};
  for (const name of ['subject', 'registry', 'count', 'last', 'issued', 'key']) box.querySelector(`[data-part=${name}]`).textContent = parts[name];
  box.querySelector('[data-part=demo]').hidden = !found.demo;
  answer.replaceChildren(box);
}

// The camera, where the browser itself reads QR codes.
async function offerScan() {
  if (!('BarcodeDetector' in window) || !navigator.mediaDevices) return;
  const formats = await window.BarcodeDetector.getSupportedFormats().catch(() => []);
  if (!formats.includes('qr_code')) return;
  const button = document.getElementById('scan');
  button.hidden = false;
  button.addEventListener('click', scan);
}

async function scan() {
  const video = document.getElementById('camera');
  const detector = new window.BarcodeDetector({formats: ['qr_code']});
  const stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}}).catch(() => null);
  if (!stream) return;
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  while (!video.hidden) {
    const [found] = await detector.detect(video).catch(() => []);
    if (found) {
      document.getElementById('code').value = found.rawValue;
      video.hidden = true;
      for (const track of stream.getTracks()) track.stop();
      check(found.rawValue);
    }
    await new Promise((go) => setTimeout(go, 200));
  }
}
