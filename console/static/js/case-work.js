// Owns the inspector's desk for one inspection: choosing a row, sending what a button says, bringing the page up to date.
// Never decides anything: the server does, and its words are shown when it refuses.
import {getJson, notice, say} from '../shell.js';
import {sent} from './keep.js';

const desk = document.getElementById('work');
const {api, lang} = desk.dataset;
const token = document.querySelector('meta[name="csrf-token"]').content;
const box = document.getElementById('reason-box');

/** Chosen tab and row survive every refresh of the page's parts, and a reload. */
let [kind, row] = (location.hash.slice(1) || 'items/').split('/');

const tabs = () => [...desk.querySelectorAll('[role=tab]')];
const rows = () => [...document.querySelectorAll(`#rows-${kind} .work-row`)];
const cards = () => [...desk.querySelectorAll('.work-card')];

function show(wanted) {
  const known = rows();
  const chosen = known.find((one) => one.dataset.row === wanted) ?? known.find((one) => one.dataset.open) ?? known[0];
  row = chosen?.dataset.row ?? '';
  for (const tab of tabs()) tab.setAttribute('aria-selected', String(tab.dataset.kind === kind));
  for (const list of desk.querySelectorAll('.work-rows')) list.hidden = list.id !== `rows-${kind}`;
  for (const one of desk.querySelectorAll('.work-row')) one.toggleAttribute('aria-current', one === chosen);
  for (const card of cards()) card.hidden = card.id !== row;
  document.getElementById('nothing-chosen').hidden = row !== '';
  chosen?.scrollIntoView({block: 'nearest'});
  history.replaceState(null, '', `#${kind}/${row}`);
}

function move(by) {
  const known = rows();
  const at = known.findIndex((one) => one.dataset.row === row);
  show(known[Math.min(known.length - 1, Math.max(0, at + by))]?.dataset.row);
}

function nextOpen() {
  const known = rows();
  const at = known.findIndex((one) => one.dataset.row === row);
  const next = [...known.slice(at + 1), ...known.slice(0, at + 1)].find((one) => one.dataset.open);
  if (next) show(next.dataset.row);
}

/** Send one change; on success the page's parts are fetched anew. Returns false where the server refused, with its words shown. */
async function send(path, body) {
  let answer;
  try {
    answer = await fetch(`${api}/${path}`, {
      method: 'POST',
      headers: {'content-type': 'application/json', accept: 'application/json', 'x-csrf-token': token, 'idempotency-key': crypto.randomUUID()},
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    notice('offline');
    return false;
  }
  if (!answer.ok) {
    await refused(answer);
    return false;
  }
  await refresh();
  say(desk.dataset.saved, 2000);
  return true;
}

/** The same address again; only the parts that show the case are replaced. */
async function refresh() {
  const answer = await fetch(location.pathname, {headers: {accept: 'text/html'}});
  if (!answer.ok) return notice('failed');
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const id of ['work-head', 'work-sign', 'work-list', 'work-detail']) document.getElementById(id).replaceWith(fresh.getElementById(id));
  document.dispatchEvent(new CustomEvent('fresh'));
  show(row);
}

/** One person's signature; the key travels with this request alone, and the fields are emptied whatever comes back. */
async function sign(form) {
  const button = form.querySelector('button');
  button.disabled = true;
  say(form.dataset.busy);
  const given = new FormData(form);
  if (given.get('demo')) for (const name of ['manifest', 'pdf', 'passphrase']) given.delete(name);
  const answer = await fetch(form.dataset.to, {method: 'POST', headers: {accept: 'application/json', 'x-csrf-token': token}, body: given}).catch(() => null);
  form.reset();
  button.disabled = false;
  if (!answer) return notice('offline');
  if (!answer.ok) return refused(answer);
  await refresh();
  say(desk.dataset.saved, 2000);
}

async function refused(answer) {
  if (answer.status === 401) return notice('session');
  const said = await answer.json().catch(() => ({}));
  say([said[`title_${lang}`] ?? answer.status, said[`next_${lang}`]].filter(Boolean).join(' '));
}

async function step(button) {
  let reason = null;
  if (button.dataset.reason) {
    reason = await asked(button.textContent.trim());
    if (reason === null) return;
  }
  const body = button.dataset.step === 'issue' ? {report_sha256: button.dataset.report} : ['submit', 'approve'].includes(button.dataset.step) ? undefined : {reason};
  if (await send(button.dataset.step, body)) sent(document.getElementById('reason'));
}

/** The reason for a step, or null where the person went back. */
function asked(title) {
  document.getElementById('reason-title').textContent = title;
  box.returnValue = '';
  box.showModal();
  return new Promise((resolve) => {
    box.addEventListener('close', () => resolve(box.returnValue === 'yes' ? document.getElementById('reason').value.trim() : null), {once: true});
  });
}

desk.addEventListener('click', async (event) => {
  const button = event.target.closest('button');
  if (!button || button.disabled) return;
  const {kind: tab, row: wanted, move: by, answer, decide, write, step: path, choose} = button.dataset;
  if (tab) {
    kind = tab;
    show('');
  } else if (wanted) {
    kind = button.closest('.work-rows').id.replace('rows-', '');
    show(wanted);
    if (wanted === 'new-deficiency') document.getElementById('d-search').focus();
  } else if (by) move(Number(by));
  else if ('todo' in button.dataset) nextOpen();
  else if (answer) {
    const note = document.getElementById(`note-${button.dataset.item}`);
    const rest = note.value.trim();
    if (await send(`items/${button.dataset.item}/answers`, {value: answer, note: rest || null})) {
      sent(document.getElementById(note.id));
      nextOpen();
    }
  } else if (decide) {
    if (await send(`findings/${button.dataset.finding}/decision`, {decision: decide})) nextOpen();
  } else if (write) {
    const form = document.getElementById('deficiency-form');
    form.elements.finding_id.value = write;
    form.elements.code.value = button.dataset.code;
    kind = 'deficiencies';
    show('new-deficiency');
    form.elements.standard_not_met.focus();
  } else if (choose) {
    document.getElementById('d-code').value = choose;
    document.getElementById('d-standard').focus();
  } else if (path) await step(button);
});

desk.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.id === 'sign-form') return sign(form);
  if (form.dataset.act) return send(`deficiencies/${form.dataset.act}/actions`, {action_code: form.elements.action_code.value});
  const given = form.elements;
  const body = {
    code: given.code.value, standard_not_met: given.standard_not_met.value, why: given.why.value,
    convention_ref: given.convention_ref.value || null, finding_id: given.finding_id.value || null,
    action_code: given.action_code.value, ground_for_detention: given.ground_for_detention.checked,
  };
  if (await send('deficiencies', body)) {
    for (const one of document.querySelectorAll('#deficiency-form [data-keep]')) sent(one);
    show(rows().at(-1)?.dataset.row);
  }
});

desk.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.target.closest('form')?.requestSubmit();
  if (event.key === 'Escape' && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) event.target.blur();
});

/** Codes by number or words, as they are typed. */
let wait = 0;
desk.addEventListener('input', (event) => {
  if (event.target.id !== 'd-search') return;
  clearTimeout(wait);
  wait = setTimeout(() => search(event.target), 150);
});

async function search(field) {
  const list = document.getElementById('d-codes');
  const words = field.value.trim();
  const found = words ? (await getJson(`/api/v1/inspection/codes/deficiencies?limit=8&q=${encodeURIComponent(words)}`)).items : [];
  field.setAttribute('aria-expanded', String(found.length > 0));
  list.replaceChildren(
    ...found.map((one) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.choose = one.code;
      button.role = 'option';
      button.textContent = `${one.code}  ${one.title[lang]}`;
      const line = document.createElement('li');
      line.append(button);
      return line;
    }),
  );
  if (words && !found.length) list.textContent = desk.dataset.none;
}

show(row);
