// Owns the frozen still that both sides draw on: shows it in full, sends lines, draws those of others. Never changes the still.

const MOST_POINTS = 400;

// An SVG element with its attributes; `points` are pairs.
export function svg(name, attributes = {}) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export const pointsOf = (points) => points.map((point) => point.join(',')).join(' ');

export class Board {
  // `stage` is the element that the still covers; `onShown` hears whether it does.
  constructor(call, stage, onShown = () => null) {
    this.call = call;
    this.onShown = onShown;
    this.evidence = null;
    this.picture = new Image();
    this.picture.alt = '';
    this.lines = svg('svg', { viewBox: '0 0 1 1', preserveAspectRatio: 'none' });
    this.element = document.createElement('div');
    this.element.className = 'board';
    this.element.hidden = true;
    this.sheet = document.createElement('div');
    this.sheet.append(this.picture, this.lines);
    this.element.append(this.sheet);
    stage.append(this.element);
    this.lines.addEventListener('pointerdown', (event) => this.begin(event));
  }

  async show(evidence, strokes = []) {
    const answer = await this.call.request('GET', `${this.call.here}/stills/${evidence}`);
    URL.revokeObjectURL(this.picture.src);
    this.picture.src = URL.createObjectURL(await answer.blob());
    this.evidence = evidence;
    this.lines.replaceChildren();
    this.element.hidden = false;
    this.onShown(true);
    for (const stroke of strokes) this.add(stroke.points, stroke.from === this.call.seat);
  }

  hide() {
    this.element.hidden = true;
    this.evidence = null;
    this.onShown(false);
  }

  add(points, mine) {
    const line = svg('polyline', { points: pointsOf(points), class: mine ? 'mine' : 'theirs' });
    this.lines.append(line);
    return line;
  }

  begin(event) {
    event.preventDefault();
    const points = [this.place(event)];
    const line = this.add(points, true);
    const move = (next) => {
      if (points.length < MOST_POINTS) points.push(this.place(next));
      line.setAttribute('points', pointsOf(points));
    };
    const end = () => {
      this.lines.removeEventListener('pointermove', move);
      if (points.length < 2) { line.remove(); return; }
      this.call.say({ type: 'stroke', stroke: { evidence_id: this.evidence, points } });
    };
    this.lines.setPointerCapture(event.pointerId);
    this.lines.addEventListener('pointermove', move);
    this.lines.addEventListener('pointerup', end, { once: true });
  }

  place(event) {
    const { left, top, width, height } = this.lines.getBoundingClientRect();
    const share = (at, from, size) => Number(Math.min(1, Math.max(0, (at - from) / size)).toFixed(4));
    return [share(event.clientX, left, width), share(event.clientY, top, height)];
  }
}

export function follow(call, board, trouble) {
  call.on('frozen', (message) => board.show(message.evidence_id, message.strokes).catch(trouble))
    .on('stroke', (message) => { if (message.evidence_id === board.evidence) board.add(message.points, false); })
    .on('thawed', () => board.hide());
}
