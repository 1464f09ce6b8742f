// Owns the map page: it takes a frame of all ships each second, hands them to the chart layer, and keeps the table beside it in step.
// Never draws; vessels.js does. Text from the radio is only ever set as text.
import * as L from './vendor/leaflet/leaflet.js';
import {getJson, isTyping} from './shell.js';
import {ChartLayer} from './vessels.js';

const EVERY_MS = 2000;
const STALE_S = 900;
const place = document.getElementById('map');
const texts = JSON.parse(place.dataset.texts);
const state = document.getElementById('map-state');
const readout = document.getElementById('map-readout');
const body = document.getElementById('ships').tBodies[0];
const search = document.getElementById('ships-search');
const card = document.getElementById('ship-card');
const count = document.getElementById('ships-count');

const map = L.map(place, {zoomControl: true, attributionControl: false, worldCopyJump: false, zoomAnimation: false, fadeAnimation: false, inertia: false, minZoom: 2, maxZoom: 18, preferCanvas: true});
map.setView([30, 118], 3);
L.control.scale({imperial: false, position: 'bottomleft'}).addTo(map);
const chart = new ChartLayer();
chart.lang = place.dataset.lang;
chart.addTo(map);
document.addEventListener('palette', () => chart.redraw());
map.on('mousemove', (event) => {
  const {lat, lng} = event.latlng;
  readout.textContent = `${Math.abs(lat).toFixed(4)}°${lat < 0 ? 'S' : 'N'} ${Math.abs(lng).toFixed(4)}°${lng < 0 ? 'W' : 'E'}`;
});

const at = (seconds) => {
  const [key, n] = seconds < 120 ? ['seconds', seconds] : seconds < 7200 ? ['minutes', seconds / 60] : ['hours', seconds / 3600];
  return texts[key].replace('{n}', String(Math.round(n)));
};
const number = (value, digits, unit) => (value === null || value === undefined ? '—' : `${value.toFixed(digits)}\u2009${unit}`);

const byName = new Intl.Collator();
let ships = [];
let framed = false;

const facts = new Map();
const HEAD = 32;
const STATION_SHIP = 2; // classes below this are ships
const known = (value, none) => (value === none ? null : value);

/** What changes seldom (names, numbers, destinations) comes as GeoJSON, by MMSI. */
function learn(features) {
  for (const {properties, geometry} of features) facts.set(properties.mmsi, {...properties, unplaced: geometry === null});
}

/** A ship that was heard but sent no position: it is in the table only. */
function unplaced(key, p) {
  return {key, imo: p.imo, flag: p.flag, destination: p.destination, draught: p.draught_m, name: p.name || key, lon: null, lat: null, course: null, heading: null, speed: null, age: STALE_S, stale: true, atRest: true, length: null, beam: null, bow: null};
}

/** A frame of `yunjian.ais.map/1` (ais/map_frame.py) to what layer and table need. Ages count from the newest report, so that a replayed log is not all stale. */
function take(buffer) {
  const view = new DataView(buffer);
  if (view.getUint32(0) !== 0x594a4d31) throw new Error('not a map frame');
  const size = view.getUint16(6, true);
  const total = view.getUint32(8, true);
  const made = [];
  let unknown = false;
  for (let index = 0; index < total; index += 1) {
    const at = HEAD + index * size;
    if (view.getUint8(at + 23) >= STATION_SHIP) continue;
    const key = String(view.getUint32(at, true)).padStart(9, '0');
    const p = facts.get(key);
    if (!p) unknown = true;
    else if (!p.is_ship) continue;
    const sog = known(view.getUint16(at + 16, true), 0xffff);
    const cog = known(view.getUint16(at + 18, true), 0xffff);
    const status = view.getUint8(at + 22);
    const [bow, stern] = [view.getUint16(at + 24, true), view.getUint16(at + 26, true)];
    const speed = sog === null ? null : sog / 10;
    const age = view.getUint32(at + 12, true);
    made.push({
      key,
      imo: p?.imo ?? null,
      flag: p?.flag ?? null,
      destination: p?.destination ?? null,
      draught: p?.draught_m ?? null,
      name: p?.name || key,
      lon: view.getInt32(at + 4, true) / 600000,
      lat: view.getInt32(at + 8, true) / 600000,
      course: cog === null ? null : cog / 10,
      heading: known(view.getUint16(at + 20, true), 0xffff),
      speed,
      age,
      stale: age > STALE_S,
      atRest: status === 1 || status === 5 || (speed ?? 0) < 0.3,
      length: bow + stern || null,
      beam: view.getUint8(at + 28) + view.getUint8(at + 29) || null,
      bow: bow || null,
    });
  }
  for (const [key, p] of facts) if (p.unplaced && p.is_ship) made.push(unplaced(key, p));
  ships = made.sort((a, b) => byName.compare(a.name, b.name));
  chart.vessels = ships.filter((ship) => ship.lat !== null);
  return {unknown, newest: view.getFloat64(16, true)};
}

function cell(row, text, kind) {
  const made = row.insertCell();
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const rows = new Map();
const byKey = new Map();
const inView = new Set();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const {target, isIntersecting} of entries) {
      inView[isIntersecting ? 'add' : 'delete'](target);
      if (isIntersecting) fill(target);
    }
  },
  {root: body.closest('.scroll'), rootMargin: '200px'},
);

function newRow(key) {
  const row = body.insertRow();
  row.dataset.key = key;
  const first = cell(row, '', 'ship');
  const name = document.createElement('button');
  name.type = 'button';
  name.className = 'row-link plain';
  name.addEventListener('click', () => choose(key, true));
  first.append(name, Object.assign(document.createElement('span'), {className: 'quiet'}));
  for (let column = 0; column < 3; column += 1) cell(row, '', 'r num');
  rows.set(key, row);
  watcher.observe(row);
  return row;
}

/** Write a row's figures; done for rows in view only: a table of thousands costs more than the chart otherwise. */
function fill(row) {
  const ship = byKey.get(row.dataset.key);
  if (!ship) return;
  const [who, speed, course, age] = row.cells;
  set(who.lastChild, [ship.imo ? `IMO ${ship.imo}` : `MMSI ${ship.key}`, ship.flag, ship.lat === null ? texts.no_position : null].filter(Boolean).join(' · '));
  set(speed, number(ship.speed, 1, 'kn'));
  set(course, number(ship.course, 0, '°'));
  set(age, at(ship.age));
}

/** Which rows there are, and which fit the search. */
function table() {
  const wanted = search.value.trim().toLowerCase();
  let shown = 0;
  byKey.clear();
  for (const ship of ships) {
    byKey.set(ship.key, ship);
    const row = rows.get(ship.key) ?? newRow(ship.key);
    set(row.firstChild.firstChild, ship.name);
    const fits = wanted === '' || `${ship.name} ${ship.key} ${ship.imo ?? ''} ${ship.flag ?? ''}`.toLowerCase().includes(wanted);
    if (row.hidden === fits) row.hidden = !fits;
    shown += fits ? 1 : 0;
    if ((ship.key === chart.chosen) !== row.hasAttribute('aria-selected')) {
      if (ship.key === chart.chosen) row.setAttribute('aria-selected', 'true');
      else row.removeAttribute('aria-selected');
    }
  }
  for (const [key, row] of rows) {
    if (byKey.has(key)) continue;
    watcher.unobserve(row);
    inView.delete(row);
    row.remove();
    rows.delete(key);
  }
  inView.forEach(fill);
  set(count, shown === ships.length ? String(ships.length) : `${shown}/${ships.length}`);
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

async function choose(key, move) {
  chart.chosen = key;
  chart.track = [];
  const ship = ships.find((one) => one.key === key);
  if (ship && move && ship.lat !== null) map.setView([ship.lat, ship.lon], Math.max(map.getZoom(), 13));
  table();
  rows.get(key)?.scrollIntoView({block: 'nearest'});
  show(ship);
  chart.redraw();
  const detail = await getJson(`${place.dataset.ships}/${key}`).catch(() => null);
  if (detail && chart.chosen === key) {
    chart.track = detail.track.map((point) => point.lonlat);
    chart.redraw();
  }
}

function show(ship) {
  card.hidden = !ship;
  if (!ship) return;
  const facts = [
    ['IMO', ship.imo ?? '—'],
    ['MMSI', ship.key],
    [texts.speed, number(ship.speed, 1, 'kn')],
    [texts.course, number(ship.course, 0, '°')],
    [texts.draught, number(ship.draught, 1, 'm')],
    [texts.destination, ship.destination || '—'],
  ];
  const list = document.createElement('dl');
  list.className = 'facts facts-2';
  for (const [label, value] of facts) {
    const pair = document.createElement('div');
    pair.append(Object.assign(document.createElement('dt'), {textContent: label}), Object.assign(document.createElement('dd'), {textContent: value}));
    list.append(pair);
  }
  const title = Object.assign(document.createElement('h2'), {textContent: ship.name});
  const parts = [title, list];
  if (ship.heading !== null || ship.course !== null) {
    const compass = document.createElement('obc-heading');
    compass.heading = ship.heading ?? ship.course;
    compass.courseOverGround = ship.course ?? ship.heading;
    compass.setAttribute('aria-hidden', 'true');
    parts.push(compass);
  }
  card.replaceChildren(...parts);
}

map.on('click', (event) => {
  const found = chart.nearest(event.containerPoint, 22);
  if (found) choose(found.key, false);
});
search.addEventListener('input', table);
document.addEventListener('keydown', (event) => {
  if (isTyping(event)) return;
  if (event.key === '/') {
    event.preventDefault();
    search.focus();
  }
  if (event.key !== 'j' && event.key !== 'k') return;
  const shown = [...body.rows].filter((row) => !row.hidden);
  const now = shown.findIndex((row) => row.getAttribute('aria-selected') === 'true');
  shown[Math.min(shown.length - 1, Math.max(0, now + (event.key === 'j' ? 1 : -1)))]?.querySelector('button').click();
});

/** First view: the watched port if its ships are there, else all ships. */
function frame(ports) {
  const near = (port) => chart.vessels.filter((ship) => Math.abs(ship.lat - port.centre[1]) < 0.5 && Math.abs(ship.lon - port.centre[0]) < 0.6);
  const best = ports.map(near).sort((a, b) => b.length - a.length)[0] ?? [];
  const shown = best.length * 2 > chart.vessels.length ? best : chart.vessels;
  if (!shown.length) {
    if (ports.length) map.setView([ports[0].centre[1], ports[0].centre[0]], 11);
    return;
  }
  map.fitBounds(L.latLngBounds(shown.map((ship) => [ship.lat, ship.lon])), {padding: [60, 60], maxZoom: 14, animate: false});
}

let asking = false;
let asked = 0;

/** Names are asked for again when a ship is new, at most every few seconds, and every minute otherwise. */
async function ask(isUrgent) {
  if (asking || Date.now() - asked < (isUrgent ? EVERY_MS * 2 : 60_000)) return;
  asking = true;
  asked = Date.now();
  try {
    learn((await getJson(place.dataset.ships)).features);
  } finally {
    asking = false;
  }
}

function showFrame(buffer) {
  const {unknown, newest} = take(buffer);
  ask(unknown).catch(() => {});
  state.textContent = ships.length ? `${texts.updated} ${new Date(newest).toISOString().slice(0, 19).replace('T', ' ')}Z` : texts.none;
  table();
  if (!framed && ships.length) {
    framed = true;
    frame(chart.ports);
  }
  if (chart.chosen) show(ships.find((ship) => ship.key === chart.chosen));
  chart.redraw();
}

function listen() {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${place.dataset.frames}`);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({data}) => {
    if (!document.hidden) showFrame(data);
  });
  socket.addEventListener('close', () => {
    state.textContent = texts.failed;
    ask(true).catch(() => {}); // says whether the session or the network ended
    setTimeout(listen, EVERY_MS);
  });
}

const ports = await getJson(place.dataset.ports).catch(() => ({items: []}));
chart.ports = ports.items;
frame(ports.items);
await ask(true).catch(() => {});
listen();
chart.coast = await getJson(place.dataset.coast).catch(() => null);
chart.redraw();
