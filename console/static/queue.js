// Owns the queue page: J and K move, / searches, a click marks the row whose ship is shown.
// Never fetches by itself; the links carry htmx attributes.
import {isTyping} from './shell.js';

const table = document.getElementById('queue');
if (table) {
  const rows = [...table.tBodies[0].rows];
  const search = document.getElementById('queue-search');
  const nothing = document.getElementById('queue-nothing');
  const visible = () => rows.filter((row) => !row.hidden);

  const mark = (row) => {
    for (const other of rows) other.removeAttribute('aria-selected');
    row.setAttribute('aria-selected', 'true');
    row.scrollIntoView({block: 'nearest'});
    history.replaceState(null, '', row.querySelector('a').getAttribute('href'));
  };
  for (const row of rows) row.querySelector('a').addEventListener('click', () => mark(row));

  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !isTyping(event)) {
      event.preventDefault();
      search.focus();
    }
    if (isTyping(event) || !'jkJK'.includes(event.key)) return;
    const shown = visible();
    const now = shown.findIndex((row) => row.getAttribute('aria-selected') === 'true');
    const next = shown[Math.min(shown.length - 1, Math.max(0, now + (event.key.toLowerCase() === 'j' ? 1 : -1)))];
    if (next) next.querySelector('a').click();
  });

  search.addEventListener('input', () => {
    const wanted = search.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.dataset.search.includes(wanted);
    nothing.hidden = visible().length > 0;
  });
}
