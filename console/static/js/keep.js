// Owns typed text that must not be lost: a field with `data-keep="name"` is kept in this tab until it was sent.
// Never keeps a password, and nothing beyond the tab.
const PREFIX = 'yunjian-typed/';

function restore() {
  for (const field of document.querySelectorAll('[data-keep]')) {
    const kept = sessionStorage.getItem(PREFIX + field.dataset.keep);
    if (kept !== null && field.value === '') field.value = kept;
  }
}

document.addEventListener('input', (event) => {
  const name = event.target.dataset?.keep;
  if (name) sessionStorage.setItem(PREFIX + name, event.target.value);
});
document.addEventListener('fresh', restore);
restore();

/** The text has arrived: forget it. @param {HTMLInputElement|HTMLTextAreaElement|null} field */
export function sent(field) {
  if (!field) return;
  sessionStorage.removeItem(PREFIX + field.dataset.keep);
  field.value = '';
}
