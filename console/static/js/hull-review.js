// Owns the mask editor: brush, erase, polygon, accept, reject and merge over a photo; what is saved is a PNG of class ids.
// Never decides what a finding means, and never changes the photo.
import {notice, say} from '../shell.js';

const HULL = 1;
const FIRST_DEFECT = 2;
const DOUBTFUL = 255;
const UNDO_STEPS = 24;
const editor = document.getElementById('editor');
const stage = document.getElementById('stage');
const paper = stage.getContext('2d');
const token = document.querySelector('meta[name="csrf-token"]').content;
const size = document.getElementById('size');
const threshold = document.getElementById('threshold');
const opacity = document.getElementById('opacity');

const picture = new Image();
const layer = document.createElement('canvas');
const colours = new Map();
for (const one of document.querySelectorAll('[name=class]')) {
  const hex = one.dataset.colour;
  colours.set(Number(one.value), [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
}

let mask = new Uint8Array(0);
let [wide, high] = [0, 0];
let tool = 'brush';
let actions = [];
let past = [];
let corners = []; // of the polygon being drawn
let chosen = -1; // first region of a merge, as a pixel of it
let last = null; // where the brush was

const chosenClass = () => Number(document.querySelector('[name=class]:checked').value);
const isDefect = (value) => value >= FIRST_DEFECT && value !== DOUBTFUL;

/** Class ids of a grey PNG, through a canvas: alpha is opaque, so the values arrive as they were sent. */
async function load(address) {
  const answer = await fetch(address, {headers: {accept: 'image/png'}});
  if (!answer.ok) {
    notice(answer.status === 401 ? 'session' : 'failed');
    return;
  }
  const bitmap = await createImageBitmap(await answer.blob(), {colorSpaceConversion: 'none', premultiplyAlpha: 'none'});
  [wide, high] = [bitmap.width, bitmap.height];
  for (const canvas of [stage, layer]) [canvas.width, canvas.height] = [wide, high];
  const ink = layer.getContext('2d', {willReadFrequently: true});
  ink.drawImage(bitmap, 0, 0);
  const {data} = ink.getImageData(0, 0, wide, high);
  mask = Uint8Array.from({length: wide * high}, (_, at) => data[at * 4]);
  draw();
}

function draw() {
  const ink = layer.getContext('2d', {willReadFrequently: true});
  const sheet = ink.createImageData(wide, high);
  let [hull, defects] = [0, 0];
  for (let at = 0; at < mask.length; at += 1) {
    const value = mask[at];
    if (value === 0) sheet.data.set([0, 0, 0, 90], at * 4);
    if (value >= HULL && value !== DOUBTFUL) hull += 1;
    if (value < FIRST_DEFECT) continue;
    if (value !== DOUBTFUL) defects += 1;
    const [red, green, blue] = colours.get(value) ?? [255, 0, 255];
    sheet.data.set([red, green, blue, 255], at * 4);
  }
  ink.putImageData(sheet, 0, 0);
  const share = document.getElementById('share');
  share.textContent = share.dataset.words.replace('{pct}', hull ? ((defects / hull) * 100).toFixed(2) : '–');
  show();
}

function show() {
  paper.globalAlpha = 1;
  paper.drawImage(picture, 0, 0, wide, high);
  paper.globalAlpha = Number(opacity.value);
  paper.drawImage(layer, 0, 0);
  paper.globalAlpha = 1;
  if (!corners.length) return;
  paper.lineWidth = Math.max(2, wide / 500);
  paper.strokeStyle = '#fff';
  paper.beginPath();
  for (const [x, y] of corners) paper.lineTo(x, y);
  paper.stroke();
  paper.strokeRect(corners[0][0] - 4, corners[0][1] - 4, 8, 8);
}

function remember() {
  past.push([mask.slice(), actions.length]);
  if (past.length > UNDO_STEPS) past.shift();
}

function note(name, value, pixels) {
  actions.push({tool: name, class_id: value, area_px: pixels});
}

/** A stroke from the last place to this one, as discs. */
function stroke([x, y]) {
  const radius = Number(size.value) / 2;
  const value = tool === 'erase' ? HULL : chosenClass();
  const [x0, y0] = last ?? [x, y];
  const steps = Math.max(1, Math.ceil(Math.hypot(x - x0, y - y0) / Math.max(1, radius / 2)));
  for (let step = 0; step <= steps; step += 1) disc(x0 + ((x - x0) * step) / steps, y0 + ((y - y0) * step) / steps, radius, value);
  last = [x, y];
  draw();
}

function disc(x, y, radius, value) {
  for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(high - 1, y + radius); row += 1) {
    for (let column = Math.max(0, Math.floor(x - radius)); column <= Math.min(wide - 1, x + radius); column += 1) {
      if ((column - x) ** 2 + (row - y) ** 2 <= radius * radius) mask[row * wide + column] = value;
    }
  }
}

/** Pixels of the connected region of one class at a place (8 neighbours). */
function region(start) {
  const value = mask[start];
  const found = [start];
  const known = new Uint8Array(mask.length);
  known[start] = 1;
  for (let next = 0; next < found.length; next += 1) {
    const at = found[next];
    const column = at % wide;
    for (let row = -wide; row <= wide; row += wide) {
      for (let side = -1; side <= 1; side += 1) {
        const other = at + row + side;
        if (other < 0 || other >= mask.length || known[other] || mask[other] !== value) continue;
        if (column + side < 0 || column + side >= wide) continue;
        known[other] = 1;
        found.push(other);
      }
    }
  }
  return found;
}

function closePolygon() {
  if (corners.length > 2) {
    remember();
    const value = chosenClass();
    let pixels = 0;
    const path = new Path2D();
    for (const [x, y] of corners) path.lineTo(x, y);
    const [left, right] = [Math.min(...corners.map(([x]) => x)), Math.max(...corners.map(([x]) => x))];
    const [top, bottom] = [Math.min(...corners.map(([, y]) => y)), Math.max(...corners.map(([, y]) => y))];
    for (let row = Math.max(0, Math.floor(top)); row <= Math.min(high - 1, bottom); row += 1) {
      for (let column = Math.max(0, Math.floor(left)); column <= Math.min(wide - 1, right); column += 1) {
        if (!paper.isPointInPath(path, column + 0.5, row + 0.5)) continue;
        mask[row * wide + column] = value;
        pixels += 1;
      }
    }
    note('polygon', value, pixels);
  }
  corners = [];
  draw();
}

/** Two regions become one: the second takes the first's class, and a bridge joins the nearest places. */
function merge(first, second) {
  const [one, other] = [region(first), region(second)];
  if (one.includes(second)) return;
  remember();
  const value = mask[first];
  const thin = (pixels) => pixels.filter((_, at) => at % Math.max(1, Math.floor(pixels.length / 400)) === 0);
  let [best, ends] = [Infinity, [first, second]];
  for (const a of thin(one)) {
    for (const b of thin(other)) {
      const gap = ((a % wide) - (b % wide)) ** 2 + (Math.floor(a / wide) - Math.floor(b / wide)) ** 2;
      if (gap < best) [best, ends] = [gap, [a, b]];
    }
  }
  for (const at of other) mask[at] = value;
  const [[x0, y0], [x1, y1]] = ends.map((at) => [at % wide, Math.floor(at / wide)]);
  const steps = Math.ceil(Math.sqrt(best)) + 1;
  const radius = Math.max(2, Number(size.value) / 4);
  for (let step = 0; step <= steps; step += 1) disc(x0 + ((x1 - x0) * step) / steps, y0 + ((y1 - y0) * step) / steps, radius, value);
  note('merge', value, other.length);
  draw();
}

function place(event) {
  const box = stage.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * wide, ((event.clientY - box.top) / box.height) * high];
}

function speakOfRegion(at) {
  if (!isDefect(mask[at])) return;
  const value = mask[at];
  if (tool === 'merge') {
    if (chosen >= 0 && isDefect(mask[chosen])) {
      merge(chosen, at);
      chosen = -1;
    } else chosen = at;
    return;
  }
  remember();
  const pixels = region(at);
  if (tool === 'reject') for (const one of pixels) mask[one] = HULL;
  note(tool, value, pixels.length);
  flash(pixels);
}

/** A region that was spoken of lights up for a moment. */
function flash(pixels) {
  draw();
  paper.fillStyle = tool === 'accept' ? 'rgba(40, 200, 90, .6)' : 'rgba(255, 255, 255, .6)';
  for (const at of pixels) paper.fillRect(at % wide, Math.floor(at / wide), 1, 1);
  setTimeout(show, 350);
}

stage.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || !mask.length || !editor.dataset.may) return;
  const [x, y] = place(event);
  const at = Math.min(high - 1, Math.max(0, Math.floor(y))) * wide + Math.min(wide - 1, Math.max(0, Math.floor(x)));
  if (tool === 'polygon') {
    const near = corners.length > 2 && Math.hypot(corners[0][0] - x, corners[0][1] - y) < wide / 90;
    if (near) return closePolygon();
    corners.push([x, y]);
    return show();
  }
  if (tool !== 'brush' && tool !== 'erase') return speakOfRegion(at);
  remember();
  stage.setPointerCapture(event.pointerId);
  last = null;
  stroke([x, y]);
});
stage.addEventListener('pointermove', (event) => {
  if (last) stroke(place(event));
});
stage.addEventListener('pointerup', () => {
  if (!last) return;
  last = null;
  const [before] = past.at(-1);
  let pixels = 0;
  for (let at = 0; at < mask.length; at += 1) if (mask[at] !== before[at]) pixels += 1;
  note(tool, tool === 'erase' ? HULL : chosenClass(), pixels);
});
stage.addEventListener('dblclick', () => tool === 'polygon' && closePolygon());

for (const button of document.querySelectorAll('[data-tool]')) {
  button.addEventListener('click', () => {
    tool = button.dataset.tool;
    [corners, chosen] = [[], -1];
    for (const other of document.querySelectorAll('[data-tool]')) other.setAttribute('aria-pressed', String(other === button));
    show();
  });
}
for (const one of document.querySelectorAll('[name=class]')) one.addEventListener('focus', () => (one.checked = true));
document.getElementById('undo').addEventListener('click', () => {
  if (corners.length) corners.pop();
  else if (past.length) {
    const [before, count] = past.pop();
    mask = before;
    actions.length = count;
  }
  draw();
});

const said = () => {
  document.getElementById('size-said').textContent = `${size.value} px`;
  document.getElementById('threshold-said').textContent = Number(threshold.value).toFixed(2);
};
size.addEventListener('input', said);
threshold.addEventListener('input', said);
opacity.addEventListener('input', show);
threshold.addEventListener('change', async () => {
  if (actions.length && !confirm(editor.dataset.lost)) return;
  [actions, past] = [[], []];
  await load(`${editor.dataset.api}/mask?threshold=${threshold.value}`);
});

document.getElementById('save')?.addEventListener('click', async () => {
  const sheet = document.createElement('canvas');
  [sheet.width, sheet.height] = [wide, high];
  const ink = sheet.getContext('2d');
  const pixels = ink.createImageData(wide, high);
  for (let at = 0; at < mask.length; at += 1) pixels.data.set([mask[at], mask[at], mask[at], 255], at * 4);
  ink.putImageData(pixels, 0, 0);
  const answer = await fetch(`${editor.dataset.api}/corrections`, {
    method: 'POST',
    headers: {'content-type': 'application/json', accept: 'application/json', 'x-csrf-token': token},
    body: JSON.stringify({mask_png: sheet.toDataURL('image/png').split(',')[1], actions: actions.slice(-5000), threshold: Number(threshold.value)}),
  }).catch(() => null);
  if (!answer) return notice('offline');
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    return say([told[`title_${editor.dataset.lang}`] ?? answer.status, told[`next_${editor.dataset.lang}`]].filter(Boolean).join(' '));
  }
  [actions, past] = [[], []];
  say(editor.dataset.saved, 2500);
});
window.addEventListener('beforeunload', (event) => actions.length && event.preventDefault());

said();
picture.src = editor.dataset.picture;
await picture.decode();
await load(`${editor.dataset.api}/mask`);
