// Owns what every page has: clocks, palette, menus, the CSRF header of fragments, notices about session and network.
// Never holds the logic of one page.
import htmx from './vendor/htmx.js';
import './vendor/openbridge.js';

const PORT_ZONE = 'Asia/Shanghai';
const clock = (zone) => new Intl.DateTimeFormat('en-GB', {timeZone: zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
const utcClock = clock('UTC');
const portClock = clock(PORT_ZONE);

function tick() {
  const now = new Date();
  document.getElementById('clock-utc').textContent = utcClock.format(now);
  document.getElementById('clock-port').textContent = portClock.format(now);
  setTimeout(tick, 1000 - (Date.now() % 1000));
}
tick();

/** The palette changes in place; the link's address does the same without script. */
for (const link of document.querySelectorAll('[data-palette]')) {
  link.addEventListener('click', (event) => {
    event.preventDefault();
    const name = link.dataset.palette;
    document.documentElement.dataset.obcTheme = name;
    document.cookie = `yunjian_palette=${name}; Path=/; Max-Age=31536000; SameSite=Lax`;
    for (const other of document.querySelectorAll('[data-palette]')) other.toggleAttribute('aria-current', other === link);
    document.dispatchEvent(new CustomEvent('palette', {detail: name}));
  });
}

/** One menu open at a time; Escape or a click elsewhere closes it. */
const menus = [...document.querySelectorAll('details.menu')];
document.addEventListener('click', (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') for (const menu of menus) menu.open = false;
});

const box = document.getElementById('notice');

/** Show one of the page's own sentences; an empty key takes it away. @param {'session'|'offline'|'failed'|''} key */
export function notice(key) {
  box.hidden = key === '';
  box.textContent = key === '' ? '' : box.dataset[key];
}

let saying = 0;

/** Show words that came from the server or the page's catalogue; they go away by themselves after `ms`, 0: they stay. */
export function say(words, ms = 0) {
  clearTimeout(saying);
  box.hidden = false;
  box.textContent = words;
  if (ms) saying = setTimeout(() => notice(''), ms);
}

/** Fetch JSON of ours; a session that ended and a network that is gone are said on the page. @param {string} address */
export async function getJson(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, {headers: {accept: 'application/json'}, ...options});
  } catch (error) {
    if (error.name !== 'AbortError') notice('offline');
    throw error;
  }
  if (answer.status === 401) notice('session');
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  if (!box.hidden) notice('');
  return answer.json();
}

/** True while a person types, so that single-key commands stay out of the way. @param {KeyboardEvent} event */
export function isTyping(event) {
  return event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
}

const token = document.querySelector('meta[name="csrf-token"]').content;
document.addEventListener('htmx:config:request', (event) => {
  if (token) event.detail.ctx.request.headers['X-CSRF-Token'] = token;
});
document.addEventListener('htmx:after:request', (event) => {
  if (event.detail.ctx?.response?.status === 401) notice('session');
});
document.addEventListener('htmx:error', () => notice('offline'));
htmx.process(document.body);
