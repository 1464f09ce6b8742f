// Owns the replay page: one cursor over lanes, picture, drone plan, AIS line and table, moved by key, mouse, play or the address.
// Never invents anything between two moments: the picture shown is the newest one at the cursor.
import {getJson} from '../shell.js';

const SVG = 'http://www.w3.org/2000/svg';
const [LEFT, TOP, ROW] = [96, 18, 27];
const root = document.getElementById('replay');
const lanesBox = document.getElementById('replay-lanes');
const words = new Map([...document.querySelectorAll('#replay-words li')].map((one) => [one.dataset.lane, one.textContent]));
const lanes = ['ais', ...[...words.keys()].filter((name) => name !== 'ais')];
const byId = (name) => document.getElementById(`replay-${name}`);

const line = await getJson(root.dataset.source);
const moments = line.moments.map((one) => ({...one, ms: Date.parse(one.at), end: one.until ? Date.parse(one.until) : null}));
const whole = [Date.parse(line.start), Date.parse(line.end)];
let view = widened(whole, 0.04);
let at = whole[0];
let chosen = null;
let playing = 0;

function widened([from, to], share) {
  const room = Math.max(1000, (to - from) * share);
  return [from - room, to + room];
}
const make = (name, attributes, parent) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
};
const width = () => lanesBox.clientWidth;
const toX = (ms) => LEFT + ((ms - view[0]) / (view[1] - view[0])) * (width() - LEFT - 8);
const toMs = (x) => view[0] + ((x - LEFT) / (width() - LEFT - 8)) * (view[1] - view[0]);
const clock = (ms, seconds = true) => new Date(ms).toISOString().slice(seconds ? 0 : 5, seconds ? 19 : 16).replace('T', ' ') + 'Z';

function drawLanes() {
  lanesBox.replaceChildren();
  lanesBox.setAttribute('viewBox', `0 0 ${width()} ${TOP + ROW * lanes.length}`);
  const steps = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 86400, 604800].map((s) => s * 1000);
  const step = steps.find((one) => (view[1] - view[0]) / one <= (width() - LEFT) / 110) ?? steps.at(-1);
  for (let tick = Math.ceil(view[0] / step) * step; tick <= view[1]; tick += step) {
    make('line', {class: 'lane-rule', x1: toX(tick), x2: toX(tick), y1: TOP - 4, y2: TOP + ROW * lanes.length}, lanesBox);
    make('text', {class: 'lane-tick', x: toX(tick), y: 11}, lanesBox).textContent = step < 60000 ? clock(tick).slice(11, 19) : clock(tick, false).slice(0, 11);
  }
  lanes.forEach((name, row) => {
    const y = TOP + ROW * row;
    make('line', {class: 'lane-rule', x1: 0, x2: width(), y1: y + ROW, y2: y + ROW}, lanesBox);
    make('text', {class: 'lane-name', x: 0, y: y + 18}, lanesBox).textContent = words.get(name);
  });
  const fast = Math.max(1, ...line.track.map((one) => one[3] ?? 0));
  const seen = line.track.filter((one) => one[3] !== null && one[0] >= view[0] && one[0] <= view[1]);
  if (seen.length > 1) make('polyline', {class: 'lane-speed', points: seen.map((one) => `${toX(one[0])},${TOP + ROW - 4 - (one[3] / fast) * (ROW - 8)}`).join(' ')}, lanesBox);
  for (const [index, one] of moments.entries()) {
    const y = TOP + ROW * lanes.indexOf(one.lane) + ROW / 2;
    if (one.end) make('rect', {class: 'lane-span', x: toX(one.ms), y: y - 6, width: Math.max(2, toX(one.end) - toX(one.ms)), height: 12}, lanesBox);
    if (one.ms < view[0] || one.ms > view[1]) continue;
    const mark = make('circle', {class: 'lane-mark', cx: toX(one.ms), cy: y, r: 5, 'data-moment': index}, lanesBox);
    if (one === chosen) mark.setAttribute('data-now', '');
    make('title', {}, mark).textContent = `${clock(one.ms)} ${one.title}`;
  }
  make('line', {class: 'lane-cursor', x1: toX(at), x2: toX(at), y1: TOP - 6, y2: TOP + ROW * lanes.length}, lanesBox);
  lanesBox.setAttribute('aria-valuetext', `${clock(at)} ${chosen?.title ?? ''}`);
  lanesBox.setAttribute('aria-valuenow', String(Math.round((at - whole[0]) / 1000)));
}

/** The ship from above with the drone's photo positions; y to port is up, the bow to the right. */
function drawPlan() {
  const plan = document.getElementById('replay-plan');
  plan.replaceChildren();
  const shots = moments.filter((one) => one.xy);
  if (!line.ship.loa_m || !shots.length) return;
  const [length, half] = [line.ship.loa_m, (line.ship.beam_m ?? line.ship.loa_m / 7) / 2];
  const far = Math.max(half, ...shots.map((one) => Math.abs(one.xy[1]))) + 4;
  plan.setAttribute('viewBox', `-6 ${-far} ${length + 12} ${far * 2}`);
  make('path', {d: `M0 ${-half} L${length * 0.82} ${-half} Q${length * 0.95} ${-half * 0.9} ${length} 0 Q${length * 0.95} ${half * 0.9} ${length * 0.82} ${half} L0 ${half} Z`}, plan);
  const flown = shots.filter((one) => one.ms <= at);
  make('polyline', {points: flown.map((one) => `${one.xy[0]},${-one.xy[1]}`).join(' ')}, plan);
  for (const one of flown) {
    const dot = make('circle', {cx: one.xy[0], cy: -one.xy[1], r: length / 90}, plan);
    if (one === flown.at(-1)) dot.setAttribute('data-now', '');
  }
}

let shown = null;
function drawPicture() {
  const with_picture = chosen?.evidence && chosen.ms <= at ? chosen : moments.findLast((one) => one.evidence && one.ms <= at && !one.video);
  const box = document.getElementById('replay-picture');
  if (with_picture === shown) {
    const video = box.querySelector('video');
    if (video && Math.abs(video.currentTime - (at - shown.ms) / 1000) > 1) video.currentTime = Math.max(0, (at - shown.ms) / 1000);
    return;
  }
  shown = with_picture;
  if (!shown) return;
  const made = document.createElement(shown.video ? 'video' : 'img');
  made.src = root.dataset.evidence + shown.evidence;
  if (shown.video) made.controls = true;
  else made.alt = shown.title;
  made.addEventListener('error', () => made.remove());
  box.replaceChildren(made);
}

function draw() {
  drawLanes();
  drawPlan();
  drawPicture();
  byId('clock').textContent = clock(at);
  if (chosen) [byId('title').textContent, byId('detail').textContent] = [chosen.title, chosen.detail];
  const heard = line.track.findLast((one) => one[0] <= at);
  if (heard) byId('ais').textContent = `${heard[2].toFixed(5)}, ${heard[1].toFixed(5)} · ${heard[3] ?? '—'} kn · ${heard[4] ?? '—'}°`;
}

function choose(moment, keepView = false) {
  chosen = moment;
  at = moment.ms;
  if (!keepView && (at < view[0] || at > view[1])) view = [at - (view[1] - view[0]) / 2, at + (view[1] - view[0]) / 2];
  history.replaceState(null, '', `#${moment.ref}`);
  for (const row of byId('rows').rows) row.toggleAttribute('aria-selected', row.dataset.ref === moment.ref);
  for (const row of byId('rows').querySelectorAll('[aria-selected]')) {
    row.setAttribute('aria-selected', 'true');
    row.scrollIntoView({block: 'nearest'});
  }
  draw();
}

function move(by) {
  const index = chosen ? moments.indexOf(chosen) + by : 0;
  choose(moments[Math.min(moments.length - 1, Math.max(0, index))]);
}

function zoom(by) {
  const half = ((view[1] - view[0]) * by) / 2;
  view = [at - Math.max(half, 1000), at + Math.max(half, 1000)];
  draw();
}

function play(on) {
  cancelAnimationFrame(playing);
  playing = 0;
  root.querySelector('[data-play]').setAttribute('aria-pressed', String(on));
  if (!on) return;
  let before = performance.now();
  const tick = (now) => {
    at += (now - before) * Number(byId('speed').value);
    before = now;
    const passed = moments.findLast((one) => one.ms <= at);
    if (passed && passed !== chosen) chosen = passed;
    if (at > view[1]) view = [at, at + (view[1] - view[0])];
    draw();
    if (at >= whole[1]) return play(false);
    playing = requestAnimationFrame(tick);
  };
  playing = requestAnimationFrame(tick);
}

root.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.move) move(Number(button.dataset.move));
  else if (button.dataset.zoom) zoom(Number(button.dataset.zoom));
  else if ('whole' in button.dataset) {
    view = widened(whole, 0.04);
    draw();
  } else if ('play' in button.dataset) play(!playing);
  else if (button.dataset.moment) choose(moments[button.dataset.moment]);
});
const scrub = (event) => {
  if (event.buttons !== 1) return;
  const mark = event.target.dataset?.moment;
  if (mark && event.type === 'pointerdown') return choose(moments[mark], true);
  at = Math.min(whole[1], Math.max(whole[0], toMs(event.offsetX)));
  chosen = moments.findLast((one) => one.ms <= at) ?? chosen;
  draw();
};
lanesBox.addEventListener('pointerdown', scrub);
lanesBox.addEventListener('pointermove', scrub);
lanesBox.addEventListener('keydown', (event) => {
  const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
  if (by) move(by);
});
addEventListener('resize', draw);
addEventListener('hashchange', () => open(location.hash.slice(1)));

function open(ref) {
  const wanted = moments.find((one) => one.ref === ref);
  if (!wanted) return false;
  choose(wanted);
  return true;
}

byId('count').textContent = moments.length;
byId('rows').replaceChildren(
  ...moments.map((one, index) => {
    const row = document.createElement('tr');
    row.dataset.ref = one.ref;
    const [when, lane, what] = [0, 0, 0].map(() => row.appendChild(document.createElement('td')));
    when.textContent = clock(one.ms).slice(5);
    when.className = 'nowrap';
    lane.textContent = words.get(one.lane);
    const button = what.appendChild(document.createElement('button'));
    button.type = 'button';
    button.className = 'plain row-link';
    button.dataset.moment = index;
    button.textContent = one.title;
    return row;
  }),
);
lanesBox.setAttribute('aria-valuemin', '0');
lanesBox.setAttribute('aria-valuemax', String(Math.round((whole[1] - whole[0]) / 1000)));
if (!open(location.hash.slice(1))) choose(moments[0], true);
