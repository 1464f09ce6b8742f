// Owns copying what a field shows: a button with `data-copy="id of the field"`. Without a clipboard the text is marked instead.
document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  await navigator.clipboard?.writeText(field.value).catch(() => null);
});
