// Owns single-key commands of every page: an element says its key in `data-key`, its own words are its line in the help sheet.
// Never acts while a person types, and never for an element that cannot be seen.
import {isTyping} from '../shell.js';

const seen = (element) => element.offsetParent !== null && !element.disabled;
const reachable = () => [...document.querySelectorAll('[data-key]')].filter(seen);

function act(element) {
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName)) element.focus();
  else element.click();
}

document.addEventListener('keydown', (event) => {
  if (isTyping(event) || document.querySelector('dialog[open]')) return;
  const wanted = event.key.toLowerCase();
  const found = reachable().findLast((element) => element.dataset.key === wanted);
  if (!found) return;
  event.preventDefault();
  act(found);
});

/** The sheet is written from what can be reached right now, so it cannot say what is not so. */
const sheet = document.getElementById('key-sheet');
document.addEventListener('click', (event) => {
  if (!event.target.closest('[data-help]')) return;
  const list = sheet.querySelector('dl');
  const lines = new Map();
  for (const element of reachable()) {
    const words = (element.labels?.[0] ?? element).cloneNode(true);
    for (const sign of words.querySelectorAll('kbd, .count, .glyph')) sign.remove();
    const said = words.textContent.trim();
    lines.set(element.dataset.key, element.getAttribute('aria-label') ?? said);
  }
  list.replaceChildren(
    ...[...lines].map(([key, words]) => {
      const line = document.createElement('div');
      const [name, meaning, cap] = ['dt', 'dd', 'kbd'].map((one) => document.createElement(one));
      cap.textContent = key.toUpperCase();
      name.append(cap);
      meaning.textContent = words;
      line.append(name, meaning);
      return line;
    }),
  );
  sheet.showModal();
});
