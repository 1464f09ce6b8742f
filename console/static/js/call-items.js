// Owns the checklist on the phone: which item is on, what was captured for it, and the person's own answer. Works without a link.

const ANSWER_TYPE = 'application/vnd.yunjian.answer+json';

export class Items {
  // `elements`: list, form, title, text. `onAnswer(blob, item)` keeps an answer; `onChoose(item)` hears which item is on.
  constructor(elements, lang, { onAnswer, onChoose }) {
    Object.assign(this, elements, { lang, onChoose });
    this.chosen = null;
    this.shots = new Map();
    this.form.addEventListener('click', async (event) => {
      const value = event.target.closest('[data-answer]')?.dataset.answer;
      if (!value || !this.chosen) return;
      const answer = { schema: 'yunjian.answer/1', value, text: this.text.value.trim() };
      await onAnswer(new Blob([JSON.stringify(answer)], { type: ANSWER_TYPE }), this.chosen);
      this.text.value = '';
      this.mark(this.chosen, event.target.textContent);
    });
  }

  show(shots) {
    this.shots = new Map(shots.map((shot) => [shot.item_ref, shot]));
    this.list.replaceChildren(...shots.map((shot, index) => {
      const line = document.createElement('li'), button = document.createElement('button');
      const name = document.createElement('span'), done = document.createElement('span');
      button.type = 'button';
      button.dataset.item = shot.item_ref;
      name.textContent = `${index + 1}. ${shot[`label_${this.lang}`]}`;
      done.className = 'hint';
      button.append(name, done);
      button.addEventListener('click', () => { this.choose(shot.item_ref); this.list.closest('details').open = false; });
      line.append(button);
      return line;
    }));
  }

  promptOf(item) {
    const shot = this.shots.get(item);
    return shot ? shot[`prompt_${this.lang}`] || shot[`label_${this.lang}`] : item;
  }

  choose(item) {
    this.chosen = item;
    this.form.hidden = !item;
    this.title.textContent = this.shots.get(item)?.[`label_${this.lang}`] ?? item ?? '';
    for (const button of this.list.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.dataset.item === item));
    this.onChoose(item);
  }

  mark(item, word) {
    const button = [...this.list.querySelectorAll('button')].find((one) => one.dataset.item === item);
    if (button) button.lastChild.textContent = [button.lastChild.textContent, word].filter(Boolean).join(' · ');
  }
}
