// Owns the phone's page: join by a tap, wait, agree, show the camera, take stills. Never opens anything before the tap.

import { Board, follow } from './call-board.js';
import { Call, addChat, say, sayNumber, showTrouble } from './call-api.js';
import { StillQueue } from './call-queue.js';

const $ = (id) => document.getElementById(id);
const words = JSON.parse(document.body.dataset.words);
const lang = document.body.dataset.lang;
const call = new Call(lang);
const steps = ['start', 'wait', 'consent', 'call', 'end'];
let joined, queue, stream, publication, viewing, facing = 'environment', item = null, sample = null, prompts = new Map(), people = new Map();

const show = (name) => steps.forEach((step) => { $(`step-${step}`).hidden = step !== name; });
const trouble = (error) => showTrouble($('trouble'), error);
const calm = () => { $('trouble').hidden = true; };

$('in-app').hidden = !/MicroMessenger|DingTalk|QQ\//.test(navigator.userAgent);
$('language').href += encodeURIComponent(location.hash);  // the code stays in the fragment

$('join-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const code = location.hash.slice(1);
  if (!code) { trouble(new Error(words.no_code)); return; }
  try {
    calm();
    joined = await (await call.request('POST', 'join', { json: { code, name: $('name').value } })).json();
  } catch (error) { trouble(error); return; }
  call.enter(joined);
  queue = new StillQueue(call, joined.piece_kb, showQueue);
  queue.onRefused = trouble;
  call.listen();
  navigator.wakeLock?.request('screen').catch(() => null);
  await queue.start();
  if (joined.rights.includes('publish')) await checkDevices();
  if (joined.state === 'admitted') admitted(); else show('wait');
});

async function checkDevices() {
  for (const name of ['camera', 'microphone', 'link']) $(`check-${name}`).textContent = words.checking;
  stream = await camera().catch(() => null);
  $('check-camera').textContent = stream?.getVideoTracks().length ? words.ok : words.failed;
  $('check-microphone').textContent = stream?.getAudioTracks().length ? words.ok : words.failed;
  const started = performance.now();
  await call.request('GET', call.here).catch(() => null);
  $('check-link').textContent = `${words.ok} (${Math.round(performance.now() - started)} ms)`;
}

async function camera() {
  const video = { facingMode: facing, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24 } };
  const audio = { echoCancellation: true, noiseSuppression: true };
  return navigator.mediaDevices.getUserMedia({ video, audio })
    .catch(() => navigator.mediaDevices.getUserMedia({ video }));
}

async function admitted() {
  const room = await (await call.request('GET', call.here)).json();
  prompts = new Map(room.shots.map((shot) => [shot.item_ref, shot[`prompt_${lang}`] || shot[`label_${lang}`]]));
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
  stream?.getTracks().forEach((track) => { track.enabled = false; });
  $('mute').setAttribute('aria-pressed', 'true');
  $('interview').hidden = true;
});
$('refuse').addEventListener('click', leave);
$('leave').addEventListener('click', leave);

async function enter() {
  show('call');
  $('torch').hidden = !stream?.getVideoTracks()[0]?.getCapabilities?.().torch;
  $('still').hidden = !joined.rights.includes('still');
  await publish();
  await watchInspector();
}

async function publish() {
  if (!stream || !joined.rights.includes('publish')) return;
  $('preview').srcObject = stream;
  try {
    publication = await call.publish(stream);
    publication.connection.onconnectionstatechange = () => {
      if (publication?.connection.connectionState === 'failed') again();
    };
    calm();
  } catch (error) { trouble(error); setTimeout(publish, 4000); }
}

follow(call, new Board(call, document.querySelector('.stage')), trouble);

let returning = 0;
function again() {
  clearTimeout(returning);
  publication?.connection.close();
  returning = setTimeout(async () => { await publish(); await watchInspector(true); }, 500);
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
  call.hangUp();
  publication?.stop();
  viewing?.stop();
  stream?.getTracks().forEach((track) => track.stop());
  show('end');
}

// Full resolution: the camera's own photo where the browser can, else the sharpest frame of the video.
async function takePicture() {
  const track = stream.getVideoTracks()[0];
  if (window.ImageCapture) {
    try {
      const photo = await new ImageCapture(track).takePhoto();
      if (photo.type === 'image/jpeg' || photo.type === 'image/png') return photo;
    } catch { /* some cameras refuse while they stream: the frame will do */ }
  }
  const canvas = document.createElement('canvas');
  const { videoWidth, videoHeight } = $('preview');
  canvas.width = videoWidth;
  canvas.height = videoHeight;
  canvas.getContext('2d').drawImage($('preview'), 0, 0);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.92));
}

let fix = null;
navigator.geolocation?.watchPosition(
  ({ coords }) => { fix = `${coords.longitude},${coords.latitude},${coords.accuracy},phone`; }, () => { fix = null; },
  { enableHighAccuracy: true, maximumAge: 30000 },
);

$('still').addEventListener('click', async () => {
  if (!stream) return;
  $('still').disabled = true;
  try {
    const captured = new Date().toISOString();
    const blob = await takePicture();
    await queue.add(blob, { item_ref: item, captured_at: captured, clock_offset_ms: call.offsetMs,
      device: navigator.userAgent.slice(0, 180), position: fix, filename: 'still' });
    prompt(null);
    $('challenge').hidden = true;
  } catch (error) { trouble(error); } finally { $('still').disabled = false; }
});

$('flip').addEventListener('click', async () => {
  facing = facing === 'environment' ? 'user' : 'environment';
  const fresh = await camera().catch(() => null);
  const track = fresh?.getVideoTracks()[0];
  if (!track) return;
  for (const sender of publication?.connection.getSenders() ?? []) {
    if (sender.track?.kind === 'video') await sender.replaceTrack(track);
  }
  stream.getVideoTracks().forEach((old) => { old.stop(); stream.removeTrack(old); });
  fresh.getAudioTracks().forEach((extra) => extra.stop());
  stream.addTrack(track);
});

$('torch').addEventListener('click', () => {
  const track = stream.getVideoTracks()[0];
  track.applyConstraints({ advanced: [{ torch: !track.getSettings().torch }] }).catch(() => null);
});

$('mute').addEventListener('click', () => {
  const muted = $('mute').getAttribute('aria-pressed') !== 'true';
  $('mute').setAttribute('aria-pressed', String(muted));
  stream?.getTracks().forEach((track) => { track.enabled = track.kind === 'video' || !muted; });
});

$('chat-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('chat-text').value.trim();
  if (text) call.say({ type: 'chat', text });
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

call.on('line', (up) => { $('link-badge').textContent = up ? words.good : words.lost; if (up) queue?.push(); })
  .on('welcome', (message) => { if (message.state === 'admitted' && joined.state !== 'admitted') { joined.state = 'admitted'; admitted(); } })
  .on('admitted', () => { if (joined.state !== 'admitted') { joined.state = 'admitted'; admitted(); } })
  .on('roster', (message) => { setPeople(message.seats); if (!$('step-call').hidden) watchInspector(); })
  .on('track', (message) => {
    if (message.event === 'track_started' && people.get(message.seat)?.role === 'inspector' && message.kind === 'video') $('remote').hidden = false;
  })
  .on('still_request', (message) => {
    item = message.item_ref;
    prompt(`${words.asked} ${[prompts.get(item) ?? item, message.unit, message.note].filter(Boolean).join(' · ')}`);
    $('challenge').hidden = !message.challenge;
    $('challenge').textContent = say(words, 'challenge', { code: message.challenge });
    navigator.vibrate?.(200);
  })
  .on('current_item', (message) => { item = message.item_ref; prompt(prompts.get(item) ?? item); })
  .on('interview', (message) => {
    $('interview-link').href = message.link.replace('/call/join#', `/call/join?lang=${lang}#`);
    $('interview').hidden = false;
  })
  .on('sample', (message) => {
    sample = message.sample;
    $('said-form').hidden = sample.said !== null;
    const name = prompts.get(sample.item_ref) ?? sample.item_ref;
    $('said-label').textContent = say(words, 'say_number', { take: sample.take, of: sample.units.length, item: name });
    if (sample.said !== null) prompt(say(words, 'drawn', { units: sample.drawn.join(', ') }));
  })
  .on('chat', (message) => addChat($('chat-log'), people.get(message.from)?.name ?? '', message.text))
  .on('recording', (message) => recording(message.on))
  .on('heartbeat', (message) => { $('link-badge').textContent = performance.now() - message.sent_ms > 800 ? words.slow : words.good; })
  .on('media_back', again)
  .on('closed', leave);
