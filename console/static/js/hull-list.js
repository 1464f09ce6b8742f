// Owns the list of photos in hull review: asks for them to be read, and follows that work.
// Never holds a mask.
import {notice, say} from '../shell.js';

const FOLLOW_MS = 1500;
const token = document.querySelector('meta[name="csrf-token"]').content;
const part = () => document.getElementById('review');

async function refresh() {
  const answer = await fetch(location.pathname, {headers: {accept: 'text/html'}});
  if (!answer.ok) return notice('failed');
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  part().replaceWith(fresh.getElementById('review'));
  follow();
}

function follow() {
  if (document.getElementById('run')?.dataset.state === 'running') setTimeout(refresh, FOLLOW_MS);
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-do]');
  if (!button) return;
  button.disabled = true;
  const {api, lang} = part().dataset;
  const answer = await fetch(`${api}/${button.dataset.do}`, {method: 'POST', headers: {accept: 'application/json', 'x-csrf-token': token}}).catch(() => null);
  if (!answer) notice('offline');
  else if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    say([said[`title_${lang}`] ?? answer.status, said[`next_${lang}`]].filter(Boolean).join(' '));
  }
  refresh();
});
follow();
