// Owns what both call pages say to the server: requests, the websocket, WHIP and WHEP. Never touches the page.

const API = '/api/v1/video';

export class CallError extends Error {
  constructor(status, problem, lang) {
    super(problem?.[`title_${lang}`] ?? `${status}`);
    this.status = status;
    this.code = problem?.code ?? '';
    this.next = problem?.[`next_${lang}`] ?? '';
  }
}

export class Call {
  constructor(lang) {
    this.lang = lang;
    this.token = '';
    this.room = '';
    this.seat = '';
    this.handlers = new Map();
    this.closed = false;
    this.offsetMs = 0;
  }

  async request(method, path, { json, body, headers = {} } = {}) {
    const all = { ...headers };
    if (this.token) all.authorization = `Bearer ${this.token}`;
    if (json !== undefined) all['content-type'] = 'application/json';
    const answer = await fetch(path.startsWith('/') ? path : `${API}/${path}`, {
      method, headers: all, body: json === undefined ? body : JSON.stringify(json), credentials: 'same-origin',
    });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => null);
      throw new CallError(answer.status, problem, this.lang);
    }
    return answer;
  }

  enter(joined) {
    this.token = joined.token;
    this.room = joined.room_id;
    this.seat = joined.seat_id;
    this.offsetMs = Math.round(Date.now() - Date.parse(joined.server_time));
  }

  get here() { return `rooms/${this.room}`; }

  on(type, handler) { this.handlers.set(type, handler); return this; }

  // The websocket: one at a time, a heartbeat each second, and a new one when it is lost.
  listen() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/ws/v1/video/rooms/${this.room}`);
    this.socket = socket;
    let beat = 0;
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'hello', token: this.token }));
      beat = setInterval(() => this.say({ type: 'heartbeat', sent_ms: performance.now() }), 1000);
      this.handlers.get('line')?.(true);
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'closed') this.closed = true;
      this.handlers.get(message.type)?.(message);
    };
    socket.onclose = (event) => {
      clearInterval(beat);
      this.handlers.get('line')?.(false);
      if (this.closed) return;
      if (event.code === 1008) this.handlers.get('moved')?.();  // the token is no longer good: put out, or gone to another phone
      else setTimeout(() => this.listen(), 1500);
    };
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  hangUp() {
    this.closed = true;
    this.socket?.close();
  }

  // STUN and TURN as this seat was told, with credentials that end with the call. Asked for anew for each connection.
  async connection() {
    const iceServers = await (await this.request('GET', `${this.here}/ice-servers`)).json();
    return new RTCPeerConnection({ iceServers });
  }

  async publish(stream) {
    const connection = await this.connection();
    for (const track of stream.getTracks()) connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    const [picture] = stream.getVideoTracks();
    if (picture) connection.addTransceiver(picture, { direction: 'sendonly', sendEncodings: [SMALL] });
    const place = await this.negotiate(connection, `${this.here}/whip`);
    return { connection, stop: () => this.stop(connection, place) };
  }

  async view(seat, element, onPath) {
    const connection = await this.connection();
    const stream = new MediaStream();
    connection.addTransceiver('video', { direction: 'recvonly' });
    connection.addTransceiver('audio', { direction: 'recvonly' });
    connection.ontrack = ({ track }) => { stream.addTrack(track); element.srcObject = stream; };
    steady(connection, onPath);
    const place = await this.negotiate(connection, `${this.here}/whep?of=${encodeURIComponent(seat)}`);
    const prefer = (layer) => this.request('PUT', `${place}/layer`, { json: { layer } }).catch(() => null);
    return { connection, prefer, stop: () => this.stop(connection, place) };
  }

  async negotiate(connection, path) {
    await connection.setLocalDescription(await connection.createOffer());
    await gathered(connection);
    try {
      const answer = await this.request('POST', path, {
        body: connection.localDescription.sdp, headers: { 'content-type': 'application/sdp' },
      });
      await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      return answer.headers.get('location');
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async stop(connection, place) {
    connection.close();
    await this.request('DELETE', place).catch(() => null);
  }
}

// The second picture: the same, small, for those who have little room or look at another one.
const SMALL = { maxBitrate: 120_000, scaleResolutionDownBy: 4, maxFramerate: 10 };
const STEADY_MS = 1000;
const LEFT_OVER = 1.5e-4; // share of packets that may still be missing when they are due
const NACK_MS = 30;      // what a browser adds to each round of asking again

// On a path that loses packets the picture is held back long enough for repairs to come: late and smooth, not early and
// frozen. The forwarder sends each repair twice there, so a round fails with the square of the loss.
// `onPath` hears 'picture' or 'sound': the latter when sound comes and no picture does, because there is no room for it.
export function steady(connection, onPath = () => null) {
  let lost = 0, received = 0, share = 0, sound = 0, still = 0, path = '';
  const timer = setInterval(async () => {
    if (connection.connectionState === 'closed') { clearInterval(timer); return; }
    const all = [...(await connection.getStats()).values()];
    const video = all.find((one) => one.type === 'inbound-rtp' && one.kind === 'video');
    const audio = all.find((one) => one.type === 'inbound-rtp' && one.kind === 'audio');
    const pair = all.find((one) => one.type === 'candidate-pair' && one.nominated);
    if (!video || !pair) return;
    still = video.packetsReceived === received && (audio?.packetsReceived ?? 0) > sound ? still + 1 : 0;
    sound = audio?.packetsReceived ?? 0;
    const now = still >= 2 ? 'sound' : 'picture';
    if (now !== path) { path = now; onPath(path); }
    const missing = Math.max(0, video.packetsLost - lost), came = video.packetsReceived - received;
    lost = video.packetsLost;
    received = video.packetsReceived;
    if (missing + came > 0) share += 0.5 * (missing / (missing + came) - share);
    const rounds = share < LEFT_OVER ? 0 : Math.max(1, Math.ceil(Math.log(LEFT_OVER / share) / (2 * Math.log(share))));
    const target = share < 0.01 ? null : Math.min(3000, rounds * (1000 * pair.currentRoundTripTime + NACK_MS) + 60);
    for (const receiver of connection.getReceivers()) receiver.jitterBufferTarget = target;
  }, STEADY_MS);
}

// A phone that changes its network keeps a connection that nothing comes through any more; the browser itself notices after 15 s or
// more. The forwarder answers every 50 ms of what is published, so silence is a dead path. Calls `onDead` once.
const LOOK_MS = 300, DEAD_MS = 1500;
export function watchPath(connection, onDead) {
  let heard = 0, since = performance.now();
  const timer = setInterval(async () => {
    if (connection.connectionState === 'closed') { clearInterval(timer); return; }
    const transport = [...(await connection.getStats()).values()].find((one) => one.type === 'transport');
    const now = performance.now();
    if (connection.connectionState === 'connecting' || !transport || transport.bytesReceived > heard || document.hidden) {
      heard = transport?.bytesReceived ?? heard;
      since = now;
    } else if (now - since > DEAD_MS) {
      clearInterval(timer);
      onDead();
    }
  }, LOOK_MS);
}

// Host candidates come within milliseconds; one that waits for a name server may be left out.
function gathered(connection) {
  if (connection.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((done) => {
    const timer = setTimeout(done, 1500);
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') { clearTimeout(timer); done(); }
    });
  });
}

export function say(words, key, values = {}) {
  return Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), words[key] ?? key);
}

// The number that makes a committed sample a draw: from the ship's phone, or from the inspector who heard it.
export async function sayNumber(call, sample, form) {
  const input = form.querySelector('input');
  await call.request('POST', `${call.here}/samples/${sample.sample_id}/draw`, { json: { number: input.value } });
  input.value = '';
  form.hidden = true;
}

export function addChat(list, who, text) {
  const line = document.createElement('li');
  const name = document.createElement('b');
  name.textContent = who;
  line.append(name, text);
  list.append(line);
  list.scrollTop = list.scrollHeight;
}

// A caption stays long enough to be read: half a second a character, at least four seconds.
let captionEnds = 0;
export function showCaption(element, text) {
  clearTimeout(captionEnds);
  element.textContent = text;
  element.hidden = false;
  captionEnds = setTimeout(() => { element.hidden = true; }, Math.max(4000, 500 * text.length));
}

export function showTrouble(element, error) {
  element.textContent = error.next ? `${error.message}\n${error.next}` : error.message;
  element.hidden = false;
}
