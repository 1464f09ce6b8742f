// Owns the phone's page: join by a tap, wait, agree, show the camera, capture. Never opens anything before the tap.

import { Board, follow } from './call-board.js';
import { Call, addChat, say, sayNumber, showCaption, showTrouble, watchPath } from './call-api.js';
import { Camera, stayAwake } from './call-camera.js';
import { Items } from './call-items.js';
import { measureUplink, watchSending, wordOf } from './call-link.js';
import { CaptureQueue } from './call-queue.js';
import { keepPage, recall, remember } from './call-store.js';

const $ = (id) => document.getElementById(id);
const words = JSON.parse(document.body.dataset.words);
const lang = document.body.dataset.lang;
const code = location.hash.slice(1);
const call = new Call(lang);
const steps = ['start', 'wait', 'consent', 'call', 'end'];
const CLIP_MS = 20000, AGAIN_MS = 5000;
let joined = null, queue = null, publication = null, viewing = null, sample = null, offline = false, people = new Map();

const show = (name) => steps.forEach((step) => { $(`step-${step}`).hidden = step !== name; });
const trouble = (error) => showTrouble($('trouble'), error);
const calm = () => { $('trouble').hidden = true; };
const camera = new Camera($('preview'), cameraChanged);
const items = new Items({ list: $('items'), form: $('answer'), title: $('answer-item'), text: $('answer-text') }, lang, {
  onAnswer: (blob, item) => keep(blob, item, 'answer'),
  onChoose: (item) => prompt(item && items.promptOf(item)),
});

keepPage();
$('in-app').hidden = !/MicroMessenger|DingTalk|QQ\/|wxwork/i.test(navigator.userAgent);
$('language').href += encodeURIComponent(location.hash);  // the code stays in the fragment
$('copy-link').addEventListener('click', async () => {
  await navigator.clipboard?.writeText(location.href).catch(() => null);
  $('copy-link').textContent = words.copied;
});

$('join-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (!code) { trouble(new Error(words.no_code)); return; }
  calm();
  stayAwake();
  const known = await join().catch((error) => (error.status < 500 ? trouble(error) ?? null : recall(code)));
  if (known === null) return;  // the link is not good, and the page says why
  if (known === undefined) { trouble(new Error(words.no_link)); return; }
  if (!joined?.token) { withoutLink(); return; }
  if (joined.rights.includes('publish') && joined.role !== 'drone') await checkDevices();  // a drone's picture comes from its encoder
  if (joined.state === 'admitted') admitted(); else show('wait');
});

// Join, or take up again what this phone knows of the call. Throws an error whose `status` is 599 without a link.
async function join() {
  const body = { json: { code, name: $('name').value } };
  const fresh = await call.request('POST', 'join', body).catch((error) => {
    if (error.status) throw error;
    throw Object.assign(error, { status: 599 });
  });
  await begin(await fresh.json());
  call.enter(joined);
  call.listen();
  queue.push();
  return joined;
}

async function begin(found) {
  joined = found;
  call.room = found.room_id;
  call.seat = found.seat_id;
  if (queue) return;
  queue = new CaptureQueue(call, found.piece_kb, showQueue);
  queue.onRefused = trouble;
  await queue.start();
}

// No link: the camera, the list and the queue work; the call itself is tried again until it answers.
async function withoutLink() {
  const known = await recall(code);
  offline = true;
  call.offsetMs = known.offsetMs;
  await begin({ ...known, token: '' });
  await camera.open();
  items.show(known.shots);
  $('offline').hidden = false;
  enterControls();
  show('call');
  comeBack();
}

async function comeBack() {
  if (!offline) return;
  const found = await join().catch((error) => { if (error.status < 500) trouble(error); return null; });
  if (!found) { setTimeout(comeBack, AGAIN_MS); return; }
  offline = false;
  $('offline').hidden = true;
  if (joined.state === 'admitted') admitted(); else show('wait');
}

async function checkDevices() {
  show('wait');
  for (const name of ['camera', 'microphone', 'link']) $(`check-${name}`).textContent = words.checking;
  const stream = await camera.open();
  $('check-camera').textContent = stream?.getVideoTracks().length ? words.ok : words.failed;
  $('check-microphone').textContent = stream?.getAudioTracks().length ? words.ok : words.failed;
  const kbps = await measureUplink(call);
  const word = kbps === null ? words.lost : words[`link_${wordOf(kbps, joined)}`];
  $('check-link').textContent = kbps === null ? word : say(words, 'link_speed', { word, n: kbps > 2000 ? '> 2000' : Math.round(kbps) });
}

async function admitted() {
  let room;
  try {
    room = await (await call.request('GET', call.here)).json();
  } catch (error) {
    if (error.status) trouble(error); else setTimeout(admitted, AGAIN_MS);  // the link went away in this very moment
    return;
  }
  items.show(room.shots);
  remember(code, joined, room.shots, call.offsetMs);
  setPeople(room.seats);
  recording(room.recording);
  $('private').hidden = !room.private || joined.role !== 'crew';
  if (joined.rights.includes('consent') && !joined.consented && !room.private) {
    $('consent-text').textContent = joined.consent[lang];
    show('consent');
  } else { await enter(); }
}

async function agree() {
  await call.request('POST', `${call.here}/consent`, { json: { version: joined.consent.version, language: lang } });
  joined.consented = true;
}
$('agree').addEventListener('click', async () => {
  try { await agree(); await enter(); } catch (error) { trouble(error); }
});
// A private interview is recorded only if the seafarer asks for it: this button is the asking.
$('ask-recording').addEventListener('click', async () => {
  try { await agree(); $('ask-recording').hidden = true; } catch (error) { trouble(error); }
});
// While somebody is in a private interview, this call neither hears nor sees them.
$('interview-link').addEventListener('click', () => {
  camera.stream?.getTracks().forEach((track) => { track.enabled = false; });
  $('mute').setAttribute('aria-pressed', 'true');
  $('interview').hidden = true;
});
$('refuse').addEventListener('click', leave);
$('leave').addEventListener('click', leave);

function enterControls() {
  const stills = joined.rights.includes('still');
  $('still').hidden = $('clip').hidden = $('list').hidden = !stills;
  $('flip').hidden = $('mute').hidden = document.querySelector('.stage').hidden = joined.role === 'drone';
  $('encoder').hidden = joined.role !== 'drone' || !joined.token;
  if (joined.role === 'drone' && joined.token) {
    $('encoder-address').value = `${location.origin}/api/v1/video/${call.here}/whip`;
    $('encoder-token').value = joined.token;
  }
  cameraChanged(camera.state());
}

async function enter() {
  show('call');
  enterControls();
  await publish();
  await watchInspector();
}

async function publish() {
  if (!camera.stream || !joined.rights.includes('publish')) return;
  try {
    publication = await call.publish(camera.stream);
    publication.connection.onconnectionstatechange = () => {
      if (publication?.connection.connectionState === 'failed') again();
    };
    watchPath(publication.connection, again);
    watchSending(publication.connection, joined, (word) => { $('sending').textContent = words[`link_${word}`]; });
    calm();
  } catch (error) { trouble(error); setTimeout(publish, 4000); }
}

follow(call, new Board(call, document.querySelector('.stage')), trouble);

let returning = 0;
function again() {
  clearTimeout(returning);
  publication?.connection.close();
  returning = setTimeout(async () => { await publish(); await watchInspector(true); }, 100);
}

async function watchInspector(anew = false) {
  if (!joined.rights.includes('view') || (viewing && !anew)) return;
  const lead = [...people.values()].find((seat) => seat.role === 'inspector' && seat.present);
  if (!lead) return;
  viewing?.stop();
  viewing = null;
  viewing = await call.view(lead.seat_id, $('remote')).catch(() => null);
}

function leave() {
  offline = false;
  call.hangUp();
  publication?.stop();
  viewing?.stop();
  camera.close();
  show('end');
}

let fix = null;
navigator.geolocation?.watchPosition(
  ({ coords }) => { fix = `${coords.longitude},${coords.latitude},${coords.accuracy},phone`; }, () => { fix = null; },
  { enableHighAccuracy: true, maximumAge: 30000 },
);

async function keep(blob, item, filename, captured = new Date().toISOString()) {
  await queue.add(blob, { item_ref: item, captured_at: captured, clock_offset_ms: call.offsetMs,
    device: navigator.userAgent.slice(0, 180), position: fix, filename });
}

$('still').addEventListener('click', async () => {
  if (!camera.stream) return;
  $('still').disabled = true;
  try {
    const captured = new Date().toISOString();
    await keep(await camera.still(), items.chosen, 'still', captured);
    if (items.chosen) items.mark(items.chosen, words.picture_taken);
    if (!offline) prompt(null);
    $('challenge').hidden = true;
  } catch (error) { trouble(error); } finally { $('still').disabled = false; }
});

$('clip').addEventListener('click', async () => {
  if (!camera.stream) return;
  if (camera.clipping) { camera.endClip(); return; }
  const captured = new Date().toISOString();
  const film = camera.clip(CLIP_MS);
  $('clip').setAttribute('aria-pressed', 'true');
  try { await keep(await film, items.chosen, 'clip', captured); } catch (error) { trouble(error); }
  $('clip').setAttribute('aria-pressed', 'false');
});

const flip = () => camera.flip(publication?.connection.getSenders() ?? []);
$('flip').addEventListener('click', flip);
$('torch').addEventListener('click', () => camera.torch());
$('zoom').addEventListener('input', () => camera.zoom(Number($('zoom').value)));
camera.watch((word) => { $('picture-hint').textContent = word ? words[`picture_${word}`] : ''; });

function cameraChanged(state) {
  $('torch').hidden = state.torch === null;
  $('torch').setAttribute('aria-pressed', String(Boolean(state.torch)));
  $('zoom-row').hidden = state.zoom === null;
  if (state.zoom !== null) { $('zoom').max = state.zoom_max; $('zoom').value = state.zoom; }
  if (joined?.rights.includes('publish')) call.say({ type: 'camera_state', ...state });
}

$('mute').addEventListener('click', () => {
  const muted = $('mute').getAttribute('aria-pressed') !== 'true';
  $('mute').setAttribute('aria-pressed', String(muted));
  camera.mute(muted);
});

$('chat-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('chat-text').value.trim();
  if (text) call.say({ type: $('as-caption').checked ? 'caption' : 'chat', text });
  $('chat-text').value = '';
});

$('said-form').addEventListener('submit', (event) => {
  event.preventDefault();
  sayNumber(call, sample, $('said-form')).catch(trouble);
});

function prompt(text) {
  $('prompt').hidden = !text;
  $('prompt').textContent = text ?? '';
}

function showQueue(count, delivered) {
  $('queue-badge').textContent = count ? say(words, 'queue', { n: count }) : delivered ? words.sent : '';
}

function recording(on) { $('record-badge').hidden = !on; }

function setPeople(seats) { people = new Map(seats.map((seat) => [seat.seat_id, seat])); }

function letIn() { if (joined.state !== 'admitted') { joined.state = 'admitted'; admitted(); } }

call.on('line', (up) => { $('link-badge').textContent = up ? words.good : words.lost; if (up) queue?.push(); })
  .on('welcome', (message) => { if (message.state === 'admitted') letIn(); cameraChanged(camera.state()); })
  .on('admitted', letIn)
  .on('moved', () => { leave(); $('end-why').textContent = words.moved; })
  .on('roster', (message) => { setPeople(message.seats); if (!$('step-call').hidden) watchInspector(); })
  .on('track', (message) => {
    if (message.event === 'track_started' && people.get(message.seat)?.role === 'inspector' && message.kind === 'video') $('remote').hidden = false;
  })
  .on('still_request', (message) => {
    items.choose(message.item_ref);
    prompt(`${words.asked} ${[items.promptOf(message.item_ref), message.unit, message.note].filter(Boolean).join(' · ')}`);
    $('challenge').hidden = !message.challenge;
    $('challenge').textContent = say(words, 'challenge', { code: message.challenge });
    navigator.vibrate?.(200);
  })
  .on('current_item', (message) => items.choose(message.item_ref))
  .on('camera_order', (message) => {
    if (message.do === 'torch') camera.torch();
    else if (message.do === 'flip') flip();
    else camera.zoom(message.value ?? 1);
  })
  .on('interview', (message) => {
    $('interview-link').href = message.link.replace('/call/join#', `/call/join?lang=${lang}#`);
    $('interview').hidden = false;
  })
  .on('sample', (message) => {
    sample = message.sample;
    $('said-form').hidden = sample.said !== null;
    const name = items.promptOf(sample.item_ref);
    $('said-label').textContent = say(words, 'say_number', { take: sample.take, of: sample.units.length, item: name });
    if (sample.said !== null) prompt(say(words, 'drawn', { units: sample.drawn.join(', ') }));
  })
  .on('chat', (message) => addChat($('chat-log'), people.get(message.from)?.name ?? '', message.text))
  .on('caption', (message) => showCaption($('caption'), message.text))
  .on('recording', (message) => recording(message.on))
  .on('heartbeat', (message) => { $('link-badge').textContent = performance.now() - message.sent_ms > 800 ? words.slow : words.good; })
  .on('media_back', again)
  .on('closed', leave);
