// Owns handing in papers on the reforms pages: a chosen file is uploaded at once, the form then carries its SHA-256; where only the
// digest is kept (.digest), the file stays on the device.
// Never submits a form by itself.
import '../shell.js';

for (const input of document.querySelectorAll('input.paper')) input.addEventListener('change', () => keep(input));
for (const input of document.querySelectorAll('input.digest')) input.addEventListener('change', () => digest(input));

for (const input of document.querySelectorAll('input.into')) input.addEventListener('change', async () => {
  const [file] = input.files;
  if (file) document.getElementById(input.dataset.into).value = await file.text();
});

async function digest(input) {
  const [file] = input.files;
  const hash = file ? new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer())) : [];
  const text = [...hash].map((one) => one.toString(16).padStart(2, '0')).join('');
  input.parentElement.querySelector('input[type=hidden]').value = text;
  input.parentElement.querySelector('[role=status]').textContent = text ? `✓ ${text.slice(0, 12)}` : '';
}

async function keep(input) {
  const [file] = input.files;
  const target = input.parentElement.querySelector('input[type=hidden]');
  const said = input.parentElement.querySelector('[role=status]');
  target.value = '';
  if (!file) return;
  const subject = document.getElementById('subject')?.value ?? '';
  const body = new FormData();
  body.append('file', file);
  const path = `/api/v1/companion/papers${subject ? `?subject=${encodeURIComponent(subject)}` : ''}`;
  const headers = {'x-csrf-token': document.querySelector('meta[name=csrf-token]').content};
  const answer = await fetch(path, {method: 'POST', headers, body, credentials: 'same-origin'});
  const kept = await answer.json().catch(() => ({}));
  if (answer.ok) target.value = kept.sha256;
  said.textContent = answer.ok ? `✓ ${kept.sha256.slice(0, 12)}` : [kept[`title_${input.dataset.lang}`], kept[`next_${input.dataset.lang}`]].filter(Boolean).join(' ') || String(answer.status);
}
