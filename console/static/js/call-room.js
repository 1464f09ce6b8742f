// Owns the inspector's page of a room: people, live pictures, items, recording.
// Keys stand on their buttons (`data-key`, js/keys.js); here only Space, which holds the picture in this window.

import { Board, follow, pointsOf, svg } from './call-board.js';
import { Call, addChat, say, sayNumber, showCaption, showTrouble } from './call-api.js';
import './call-copy.js';
import { Lead } from './call-lead.js';
import { CaptureQueue } from './call-queue.js';

const $ = (id) => document.getElementById(id);
const page = $('call-room');
const words = JSON.parse(page.dataset.words);
const lang = page.dataset.lang;
const csrf = document.querySelector('meta[name="csrf-token"]').content;
const call = new Call(lang);
let people = new Map(), chosenItem = null, chosenSeat = null, microphone = null, sample = null;
const CLIP_S = 10;
const views = new Map(), kept = new Map();
const board = new Board(call, $('pictures'), (shown) => { $('thaw').hidden = !shown; $('freeze').hidden = shown; });
let outside = null, deaf = false;

const attempt = async (work) => {
  try { $('trouble').hidden = true; return await work(); } catch (error) { showTrouble($('trouble'), error); return null; }
};

const lead = new Lead(call, words, lang, attempt);

async function start() {
  const joined = await (await call.request('POST', `rooms/${page.dataset.room}/attend`, { headers: { 'x-csrf-token': csrf } })).json();
  call.enter(joined);
  outside = new CaptureQueue(call, joined.piece_kb, (count, sent) => {
    $('outside-state').textContent = count ? say(words, 'queue', { n: count }) : sent ? words.sent : '';
  });
  outside.onRefused = (error) => showTrouble($('trouble'), error);
  await outside.start();
  const room = await (await call.request('GET', call.here)).json();
  if (room.private) await showNotes(); else showItems(room.shots);
  recording(room.recording);
  call.listen();
  await lead.cameras();
  for (const one of await (await call.request('GET', `${call.here}/samples`)).json()) showSample(one);
  const stats = await (await call.request('GET', `${call.here}/stats`)).json();
  for (const track of stats.tracks) if (track.live && track.seat !== call.seat) see(track.seat);
}

// A private interview: notes instead of items. They are sealed; only this inspector reads them.
async function showNotes() {
  page.querySelector('.room-items').hidden = true;
  page.querySelector('.room-notes').hidden = false;
  const known = await (await call.request('GET', `interviews/${call.room}/notes`)).json();
  for (const note of known) addNote(note);
}

function addNote(note) {
  const line = document.createElement('li');
  line.textContent = note.text;
  $('notes').append(line);
}

function showItems(shots) {
  $('no-items').hidden = shots.length > 0;
  shots.forEach((shot, index) => {
    const line = document.createElement('li');
    const button = document.createElement('button');
    const name = document.createElement('span');
    const count = document.createElement('span');
    name.textContent = `${index + 1}. ${shot[`label_${lang}`]}`;
    count.className = 'hint';
    count.dataset.count = shot.item_ref;
    button.type = 'button';
    if (index < 9) button.dataset.key = String(index + 1);
    const needs = document.createElement('span');
    needs.className = 'hint needs';
    needs.textContent = shot.media.map((medium) => words[`medium_${medium}`]).join(' / ');
    button.title = shot[`prompt_${lang}`];
    button.append(name, needs, count);
    button.addEventListener('click', () => choose(shot.item_ref, button));
    const answer = document.createElement('p');
    answer.className = 'hint';
    answer.dataset.answerOf = shot.item_ref;
    answer.hidden = true;
    line.append(button, answer);
    $('items').append(line);
  });
}

function choose(item, button) {
  chosenItem = item;
  for (const other of $('items').querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === button));
  $('ask').disabled = $('sample').disabled = $('outside-file').disabled = false;
  $('snap').disabled = !chosenSeat;
  call.say({ type: 'current_item', item_ref: item });
}

function showPeople(seats) {
  people = new Map(seats.map((seat) => [seat.seat_id, seat]));
  $('people').replaceChildren(...seats.map(person));
  for (const [seat, view] of views) {
    if (view.caption) view.caption.textContent = captionOf(seat, view.figure);
  }
}

const nameOf = (id) => { const seat = people.get(id); return seat ? `${seat.name || words[`role_${seat.role}`]} · ${words[`role_${seat.role}`]}` : ''; };

const captionOf = (seat, figure) => [nameOf(seat), figure.dataset.path === 'sound' && words.sound_only].filter(Boolean).join(' · ');

function person(seat) {
  const line = document.createElement('li');
  const name = document.createElement('span');
  name.textContent = nameOf(seat.seat_id);
  const state = document.createElement('span');
  state.className = 'hint';
  const away = seat.state === 'admitted' && !seat.present;
  state.textContent = [away ? words.away : words[seat.state], seat.state === 'admitted' && (seat.consented ? words.agreed : words.not_agreed)]
    .filter(Boolean).join(' · ');
  line.append(name, state);
  if (seat.seat_id === call.seat || seat.state === 'removed') return line;
  const row = document.createElement('span');
  row.className = 'row';
  if (seat.state === 'waiting') row.append(keyed('a', button(words.admit, () => seatCall(seat.seat_id, 'admit'), 'big')));
  if (seat.role !== 'camera' && seat.role !== 'inspector') {
    const moved = button(words.move, () => lead.move(seat.seat_id));
    row.append(seat.seat_id === movable() ? keyed('p', moved) : moved);
  }
  row.append(button(words.remove, () => seatCall(seat.seat_id, 'remove')));
  if (seat.role === 'crew' && seat.state === 'admitted' && page.querySelector('.room-notes').hidden) {
    const interpreter = [...people.values()].find((one) => one.role === 'interpreter' && one.state === 'admitted');
    row.append(button(words.interview, () => interview(seat.seat_id)));
    if (interpreter) row.append(button(words.interview_with, () => interview(seat.seat_id, interpreter.seat_id)));
  }
  line.append(row);
  return line;
}

function button(text, action, style = '') {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = style;
  made.textContent = text;
  made.addEventListener('click', () => attempt(action));
  return made;
}

// The seat that the key for another phone means: the one that is looked at, else the first of the crew.
function movable() {
  const byLink = (seat) => seat && seat.state !== 'removed' && seat.role !== 'camera' && seat.role !== 'inspector';
  const seats = [...people.values()];
  return (byLink(people.get(chosenSeat)) ? people.get(chosenSeat) : seats.find((seat) => seat.role === 'crew' && byLink(seat)))?.seat_id;
}

function keyed(key, made) {
  const cap = document.createElement('kbd');
  cap.textContent = key.toUpperCase();
  made.dataset.key = key;
  made.append(' ', cap);
  return made;
}

const seatCall = (seat, what) => call.request('POST', `${call.here}/seats/${seat}/${what}`);

async function see(seat) {
  if (seat === call.seat || views.has(seat)) return;
  const figure = document.createElement('figure');
  const video = document.createElement('video');
  const caption = document.createElement('figcaption');
  video.autoplay = video.playsInline = true;
  video.dataset.seat = seat;
  caption.className = 'hint';
  caption.textContent = nameOf(seat);
  figure.append(video, caption);
  figure.addEventListener('click', () => pick(seat));
  views.set(seat, { figure, video, caption, stop: () => null });
  $('pictures').append(figure);
  $('no-picture').hidden = true;
  const pathOf = (path) => { figure.dataset.path = path; caption.textContent = captionOf(seat, figure); };
  const view = await attempt(() => call.view(seat, video, pathOf));
  if (view) Object.assign(views.get(seat) ?? {}, view); else unsee(seat);
  pick(chosenSeat ?? seat);
  hear(video);
  video.play().catch(() => { video.muted = true; video.play().catch(() => null); });
}

// The other room opens in a tab of its own, and this one hears nothing of it.
async function interview(seafarer, interpreter = null) {
  const order = { seafarer_seat: seafarer, interpreter_seat: interpreter };
  const made = await (await call.request('POST', `${call.here}/interviews`, { json: order })).json();
  $('interview-link').href = `/call/${made.room_id}?lang=${lang}`;
  $('interview-open').hidden = false;
}

function quiet() {
  microphone?.stop();
  microphone?.connection.getSenders().forEach((sender) => sender.track?.stop());
  microphone = null;
  $('talk').setAttribute('aria-pressed', 'false');
}

function unsee(seat) {
  const view = views.get(seat);
  if (!view) return;
  views.delete(seat);
  view.stop();
  view.figure.remove();
  if (chosenSeat === seat) pick(null);
  $('no-picture').hidden = views.size > 0;
}

function pick(seat) {
  chosenSeat = seat;
  for (const [id, view] of views) {
    view.figure.classList.toggle('chosen', id === seat);
    view.prefer?.(id === seat ? 'hd' : 'thumb');
  }
  $('snap').disabled = $('freeze').disabled = $('watch').disabled = $('cut').disabled = !seat;
  lead.pick(seat);
  $('people').replaceChildren(...[...people.values()].map(person));
  $('watch').setAttribute('aria-pressed', String(watched.has(seat)));
}

const freeze = (evidence = null) => attempt(async () => {
  const still = evidence ?? (await (await call.request('POST', `${call.here}/snapshot`,
    { json: { seat_id: chosenSeat, item_ref: chosenItem } })).json()).id;
  await call.request('POST', `${call.here}/stills/${still}/freeze`);
});
const thaw = () => attempt(() => call.request('DELETE', `${call.here}/stills/${board.evidence}/freeze`));

// The detector's proposals on the live picture; they are drawn, not kept.
const watched = new Set();
const watch = () => attempt(async () => {
  const seat = chosenSeat, on = !watched.has(seat);
  await call.request('PUT', `${call.here}/seats/${seat}/watch`, { json: { fps: on ? 2 : 0 } });
  if (on) watched.add(seat); else { watched.delete(seat); outline(seat, null); }
  $('watch').setAttribute('aria-pressed', String(on));
});

function outline(seat, shapes) {
  const view = views.get(seat);
  if (!view) return;
  view.figure.querySelector('svg')?.remove();
  view.caption.textContent = [captionOf(seat, view.figure), shapes && say(words, 'proposals', { n: shapes.length })].filter(Boolean).join(' · ');
  if (!shapes) return;
  const { videoWidth: width, videoHeight: height } = view.video;  // the same letter box as the picture's
  const sheet = svg('svg', { viewBox: `0 0 ${width} ${height}` });
  for (const shape of shapes) {
    const area = svg('polygon', { points: pointsOf(shape.points.map(([x, y]) => [x * width, y * height])) });
    const title = svg('title');
    title.textContent = `${shape[`class_${lang}`]} ${Math.round(100 * shape.score)} %`;
    area.append(title);
    sheet.append(area);
  }
  view.figure.append(sheet);
}

function addStill(message) {
  const line = document.createElement('li');
  line.append(button(say(words, 'draw_on', { n: $('stills').childElementCount + 1 }), () => freeze(message.evidence_id)));
  $('stills').append(line);
}

function addAnswer(item, { value, text }) {
  for (const place of document.querySelectorAll('[data-answer-of]')) {
    if (place.dataset.answerOf !== item) continue;
    place.textContent = say(words, 'answered', { value: words[`answer_${value}`], text });
    place.hidden = false;
  }
}

function hear(video) { video.muted = deaf; }

function recording(on) {
  $('record-badge').hidden = $('stop').hidden = !on;
  $('record').hidden = on;
}

const ask = (item = chosenItem, unit = null) => attempt(
  () => call.request('POST', `${call.here}/requests`, { json: { item_ref: item, note: $('note').value, unit } }));

// One unit a line; "Fire door 1-24" stands for twenty-four.
const unitsIn = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean).flatMap((line) => {
  const range = /^(.*?)(\d+)-(\d+)$/.exec(line);
  if (!range || Number(range[3]) < Number(range[2]) || Number(range[3]) - Number(range[2]) >= 500) return [line];
  return Array.from({ length: range[3] - range[2] + 1 }, (_, index) => `${range[1]}${Number(range[2]) + index}`);
});

function showSample(found) {
  sample = found;
  $('said-form').hidden = found.said !== null;
  $('drawn').replaceChildren(...found.drawn.map((unit) => {
    const line = document.createElement('li');
    line.append(button(say(words, 'ask_unit', { unit }), () => ask(found.item_ref, unit)));
    return line;
  }));
  $('drawn').closest('details').open = true;
}

$('ask').addEventListener('click', () => ask());
$('sample').addEventListener('click', () => attempt(() => call.request('POST', `${call.here}/samples`,
  { json: { item_ref: chosenItem, units: unitsIn($('units').value), take: Number($('take').value) } })));
$('said-form').addEventListener('submit', (event) => {
  event.preventDefault();
  attempt(() => sayNumber(call, sample, $('said-form')));
});
$('record').addEventListener('click', () => attempt(() => call.request('POST', `${call.here}/recording`)));
$('stop').addEventListener('click', () => attempt(() => call.request('DELETE', `${call.here}/recording`)));
$('close').addEventListener('click', () => attempt(() => call.request('POST', `${call.here}/close`)));
$('snap').addEventListener('click', () => attempt(
  () => call.request('POST', `${call.here}/snapshot`, { json: { seat_id: chosenSeat, item_ref: chosenItem } })));
$('cut').addEventListener('click', () => attempt(async () => {
  $('cut').disabled = true;
  $('cut').setAttribute('aria-pressed', 'true');
  try {
    await call.request('POST', `${call.here}/clips`, { json: { seat_id: chosenSeat, item_ref: chosenItem, seconds: CLIP_S } });
  } finally {
    $('cut').disabled = !chosenSeat;
    $('cut').setAttribute('aria-pressed', 'false');
  }
}));
$('deaf').addEventListener('click', () => {
  deaf = !deaf;
  for (const { video } of views.values()) hear(video);
  $('deaf').setAttribute('aria-pressed', String(deaf));
});
$('interview-link').addEventListener('click', () => { quiet(); $('interview-open').hidden = true; });
$('seal').addEventListener('click', () => attempt(async () => {
  addNote(await (await call.request('POST', `${call.here}/notes`, { json: { text: $('note-text').value } })).json());
  $('note-text').value = '';
}));
$('freeze').addEventListener('click', () => freeze());
$('thaw').addEventListener('click', thaw);
$('watch').addEventListener('click', watch);
$('outside-file').addEventListener('change', async () => {
  const [file] = $('outside-file').files;
  if (!file) return;
  await attempt(() => outside.add(file, { item_ref: chosenItem, captured_at: new Date(file.lastModified).toISOString(),
    filename: file.name, held_on: $('held-on').value }));
  $('outside-file').value = '';
});
$('talk').addEventListener('click', () => attempt(async () => {
  if (microphone) return;
  microphone = await call.publish(await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } }));
  $('talk').setAttribute('aria-pressed', 'true');
}));
$('chat-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('chat-text').value.trim();
  if (text) call.say({ type: $('as-caption').checked ? 'caption' : 'chat', text });
  $('chat-text').value = '';
});
document.addEventListener('keydown', (event) => {
  if (event.key !== ' ' || !views.has(chosenSeat) || document.querySelector('dialog[open]')) return;
  if (event.target.closest('input, textarea, select, button, summary')) return;
  event.preventDefault();
  const { video } = views.get(chosenSeat);
  if (video.paused) video.play(); else video.pause();
});

follow(call, board, (error) => showTrouble($('trouble'), error));

call.on('line', (up) => { $('link-badge').textContent = up ? words.good : words.lost; })
  .on('roster', (message) => showPeople(message.seats))
  .on('track', (message) => {
    if (message.event === 'track_started') see(message.seat);
    else if (message.kind === 'video') unsee(message.seat);
  })
  .on('moved', () => showTrouble($('trouble'), new Error(words.elsewhere)))
  .on('camera_state', (message) => lead.told(message))
  .on('camera', (message) => { if (message.state !== 'live') showTrouble($('trouble'), new Error(say(words, `camera_${message.state}`, { name: nameOf(message.seat) }))); else $('trouble').hidden = true; })
  .on('caption', (message) => showCaption($('caption'), `${nameOf(message.from)}: ${message.text}`))
  .on('evidence', (message) => {
    if (message.answer) addAnswer(message.item_ref, message.answer);
    if (message.kind === 'still') addStill(message);
    if (!message.item_ref) return;
    kept.set(message.item_ref, (kept.get(message.item_ref) ?? 0) + 1);
    for (const count of document.querySelectorAll('[data-count]')) {
      if (count.dataset.count === message.item_ref) count.textContent = say(words, 'stills', { n: kept.get(message.item_ref) });
    }
  })
  .on('proposals', (message) => { if (watched.has(message.seat)) outline(message.seat, message.shapes); })
  .on('sample', (message) => showSample(message.sample))
  .on('chat', (message) => addChat($('chat-log'), nameOf(message.from), message.text))
  .on('recording', (message) => recording(message.on))
  .on('recording_failed', () => recording(false))
  .on('media_lost', () => [...views.keys()].forEach(unsee))
  .on('closed', () => { [...views.keys()].forEach(unsee); location.assign('/cases'); });

attempt(start);
