// Owns the company's pages after an inspection: the code of the link goes into the form, files are uploaded one by one.
// Never sends anything before a button is pressed.
import '../shell.js';

const enter = document.getElementById('enter');
if (enter) {
  const code = location.hash.slice(1);
  document.getElementById('code').value = code;
  document.getElementById('no-code').hidden = code !== '';
  enter.querySelector('button').disabled = code === '';
}

for (const form of document.querySelectorAll('form.rectify')) form.addEventListener('submit', (event) => { event.preventDefault(); submit(form); });

/** Upload each file, then submit the note with the evidence ids; files that arrived are not sent again after an error. */
async function submit(form) {
  const [button, bar, said] = [form.querySelector('button'), form.querySelector('progress'), form.querySelector('[role=status]')];
  const files = [...form.elements.files.files];
  form.kept ??= new Map();
  button.disabled = true;
  bar.hidden = false;
  said.textContent = form.dataset.sending;
  try {
    for (const [index, file] of files.entries()) {
      bar.value = index / (files.length + 1);
      const key = `${file.name}/${file.size}/${file.lastModified}`;
      if (form.kept.has(key)) continue;
      const body = new FormData();
      body.append('file', file);
      body.append('captured_at', new Date(file.lastModified).toISOString());
      form.kept.set(key, (await post(form, `${form.dataset.base}/evidence`, body)).ref);
    }
    const note = form.elements.note.value.trim();
    await post(form, `${form.dataset.base}/rectifications`, JSON.stringify({note, evidence_ids: [...new Set(form.kept.values())]}));
    location.reload();
  } catch (error) {
    said.textContent = error.message;
    button.disabled = false;
    bar.hidden = true;
  }
}

async function post(form, path, body) {
  const headers = {'x-csrf-token': document.querySelector('meta[name=csrf-token]').content};
  if (typeof body === 'string') headers['content-type'] = 'application/json';
  const answer = await fetch(path, {method: 'POST', headers, body, credentials: 'same-origin'});
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error([said?.[`title_${form.dataset.lang}`] ?? answer.status, said?.[`next_${form.dataset.lang}`]].filter(Boolean).join(' '));
  return said;
}
