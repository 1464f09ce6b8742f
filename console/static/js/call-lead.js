// Owns what an inspector does about people and cameras: asking somebody in, moving a seat to another phone, bringing the site's
// cameras, working a phone's camera from here.

const $ = (id) => document.getElementById(id);
const ZOOMS = [1, 2, 4];

export class Lead {
  constructor(call, words, lang, attempt) {
    Object.assign(this, { call, words, lang, attempt });
    this.states = new Map();  // seat -> what its camera can do
    this.chosen = null;
    $('invite').addEventListener('click', () => attempt(async () => {
      const order = { role: $('invite-role').value, name_hint: $('invite-name').value.trim() };
      await this.show(await call.request('POST', `${call.here}/seats`, { json: order }));
      $('invite-name').value = '';
    }));
    $('torch').addEventListener('click', () => this.order('torch'));
    $('flip').addEventListener('click', () => this.order('flip'));
    $('zoom').addEventListener('click', () => {
      const { zoom, zoom_max: most } = this.states.get(this.chosen);
      this.order('zoom', ZOOMS.find((factor) => factor > zoom + 0.05 && factor <= most) ?? 1);
    });
  }

  move(seat) { return this.call.request('POST', `${this.call.here}/seats/${seat}/link`).then((answer) => this.show(answer)); }

  // The link is in this sheet and nowhere else: it is not shown a second time.
  async show(answer) {
    const sheet = await answer.json();
    $('sheet-qr').src = sheet.qr;
    $('sheet-who').textContent = [this.words[`role_${sheet.role}`], sheet.name_hint].filter(Boolean).join(' · ');
    $('sheet-link').value = sheet.link;
    $('sheet-text').value = sheet[`text_${this.lang}`];
    $('sheet-ics').href = `data:text/calendar;charset=utf-8,${encodeURIComponent(sheet.ics)}`;
    $('sheet').showModal();
  }

  order(what, value = null) {
    if (this.chosen) this.call.say({ type: 'camera_order', seat_id: this.chosen, do: what, value });
  }

  told(message) { this.states.set(message.from, message); this.pick(this.chosen); }

  pick(seat) {
    this.chosen = seat;
    const state = this.states.get(seat);
    $('flip').hidden = !state;
    $('torch').hidden = !state || state.torch === null;
    $('torch').setAttribute('aria-pressed', String(Boolean(state?.torch)));
    $('zoom').hidden = !state || state.zoom === null;
  }

  async cameras() {
    const all = await (await this.call.request('GET', `${this.call.here}/cameras`)).json();
    $('cameras').hidden = all.length === 0;
    $('camera-list').replaceChildren(...all.map((one) => {
      const line = document.createElement('li'), button = document.createElement('button');
      button.type = 'button';
      button.textContent = one[`name_${this.lang}`];
      button.setAttribute('aria-pressed', String(Boolean(one.seat_id)));
      button.addEventListener('click', () => this.attempt(async () => {
        await this.call.request(one.seat_id ? 'DELETE' : 'PUT', `${this.call.here}/cameras/${encodeURIComponent(one.camera_id)}`);
        await this.cameras();
      }));
      line.append(button);
      return line;
    }));
  }
}
