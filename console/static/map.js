// Owns the map page: it polls the ships, hands them to the chart layer, and keeps the table beside it in step.
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

/** GeoJSON features to what layer and table need. Ages count from the newest report, so that a replayed log is not all stale. */
function take(features) {
  const times = features.map((one) => Date.parse(one.properties.at_utc));
  const newest = Math.max(...times);
  ships = features.map((one, index) => {
    const p = one.properties;
    const sides = p.dimensions;
    return {
      key: p.mmsi,
      imo: p.imo,
      flag: p.flag,
      destination: p.destination,
      draught: p.draught_m,
      name: p.name || p.mmsi,
      lon: one.geometry?.coordinates[0] ?? null,
      lat: one.geometry?.coordinates[1] ?? null,
      course: p.cog_deg_true,
      heading: p.heading_deg_true,
      speed: p.sog_kn,
      age: (newest - times[index]) / 1000,
      stale: newest - times[index] > STALE_S * 1000,
      atRest: p.nav_status === 1 || p.nav_status === 5 || (p.sog_kn ?? 0) < 0.3,
      length: sides ? sides.bow_m + sides.stern_m || null : null,
      beam: sides ? sides.port_m + sides.starboard_m || null : null,
      bow: sides?.bow_m || null,
    };
  });
  ships.sort((a, b) => byName.compare(a.name, b.name));
  chart.vessels = ships.filter((ship) => ship.lat !== null);
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

async function poll() {
  try {
    const found = await getJson(place.dataset.ships);
    if (found.features.length) {
      take(found.features);
      const newest = found.features.reduce((last, one) => (one.properties.at_utc > last ? one.properties.at_utc : last), '');
      state.textContent = `${texts.updated} ${newest.slice(0, 19).replace('T', ' ')}Z`;
    } else {
      state.textContent = texts.none;
      count.textContent = '0';
    }
    table();
    if (!framed && found.features.length) {
      framed = true;
      frame(chart.ports);
    }
    if (chart.chosen) show(ships.find((ship) => ship.key === chart.chosen));
    chart.redraw();
  } catch {
    state.textContent = texts.failed;
  }
  setTimeout(poll, document.hidden ? EVERY_MS * 5 : EVERY_MS);
}

const ports = await getJson(place.dataset.ports).catch(() => ({items: []}));
chart.ports = ports.items;
frame(ports.items);
poll();
chart.coast = await getJson(place.dataset.coast).catch(() => null);
chart.redraw();
