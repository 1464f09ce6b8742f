// Owns the phone's camera: opening it, torch, zoom, turning round, stills at full resolution, clips, and what makes a picture poor.
// Never sends anything.

const LOOK_MS = 1500;
const LOOK_WIDTH = 32, LOOK_HEIGHT = 24;
const DARK = 40, SHAKY = 28;  // mean of 0-255: own assumptions
const CLIP_BPS = 2_500_000;

export class Camera {
  constructor(preview, onChange = () => null) {
    this.preview = preview;
    this.onChange = onChange;
    this.facing = 'environment';
    this.stream = null;
    this.recorder = null;
  }

  get track() { return this.stream?.getVideoTracks()[0] ?? null; }

  async open() {
    this.stream = await this.ask().catch(() => null);
    this.preview.srcObject = this.stream;
    return this.stream;
  }

  ask() {
    const video = { facingMode: this.facing, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24 } };
    const audio = { echoCancellation: true, noiseSuppression: true };
    return navigator.mediaDevices.getUserMedia({ video, audio }).catch(() => navigator.mediaDevices.getUserMedia({ video }));
  }

  // Torch: null where this camera has none; zoom likewise.
  state() {
    const can = this.track?.getCapabilities?.() ?? {}, is = this.track?.getSettings?.() ?? {};
    return { torch: can.torch ? Boolean(is.torch) : null, zoom: can.zoom ? is.zoom ?? 1 : null, zoom_max: can.zoom?.max ?? null };
  }

  async apply(wish) {
    await this.track?.applyConstraints({ advanced: [wish] }).catch(() => null);
    this.onChange(this.state());
  }

  torch() { return this.apply({ torch: !this.state().torch }); }

  zoom(factor) {
    const { zoom_max: most } = this.state();
    return most === null ? null : this.apply({ zoom: Math.min(most, Math.max(1, factor)) });
  }

  // The other camera goes on in the same senders: nobody has to join anew.
  async flip(senders) {
    this.facing = this.facing === 'environment' ? 'user' : 'environment';
    const fresh = await this.ask().catch(() => null);
    const track = fresh?.getVideoTracks()[0];
    if (!track) return;
    for (const sender of senders) if (sender.track?.kind === 'video') await sender.replaceTrack(track);
    this.stream.getVideoTracks().forEach((old) => { old.stop(); this.stream.removeTrack(old); });
    fresh.getAudioTracks().forEach((extra) => extra.stop());
    this.stream.addTrack(track);
    this.onChange(this.state());
  }

  // Full resolution: the camera's own photo where the browser can, else the sharpest frame of the video.
  async still() {
    if (window.ImageCapture) {
      try {
        const photo = await new ImageCapture(this.track).takePhoto();
        if (photo.type === 'image/jpeg' || photo.type === 'image/png') return photo;
      } catch { /* some cameras refuse while they stream: the frame will do */ }
    }
    const canvas = document.createElement('canvas');
    canvas.width = this.preview.videoWidth;
    canvas.height = this.preview.videoHeight;
    canvas.getContext('2d').drawImage(this.preview, 0, 0);
    return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.92));
  }

  get clipping() { return this.recorder !== null; }

  // The promise is kept when `endClip` is called, or after `mostMs`.
  clip(mostMs) {
    const type = ['video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4'].find((one) => MediaRecorder.isTypeSupported(one));
    const parts = [];
    this.recorder = new MediaRecorder(this.stream, { mimeType: type, videoBitsPerSecond: CLIP_BPS });
    this.recorder.ondataavailable = ({ data }) => parts.push(data);
    return new Promise((done) => {
      const timer = setTimeout(() => this.endClip(), mostMs);
      this.recorder.onstop = () => { clearTimeout(timer); this.recorder = null; done(new Blob(parts, { type })); };
      this.recorder.start(1000);
    });
  }

  endClip() { if (this.recorder?.state === 'recording') this.recorder.stop(); }

  mute(on) { this.stream?.getAudioTracks().forEach((track) => { track.enabled = !on; }); }

  close() { this.stream?.getTracks().forEach((track) => track.stop()); }

  // Says 'dark', 'shaky' or '' as that changes, from a picture of 32 by 24 points.
  watch(onWord) {
    const canvas = document.createElement('canvas');
    canvas.width = LOOK_WIDTH;
    canvas.height = LOOK_HEIGHT;
    const brush = canvas.getContext('2d', { willReadFrequently: true });
    let before = null, word = '';
    setInterval(() => {
      if (!this.preview.videoWidth || document.hidden) return;
      brush.drawImage(this.preview, 0, 0, LOOK_WIDTH, LOOK_HEIGHT);
      const { data } = brush.getImageData(0, 0, LOOK_WIDTH, LOOK_HEIGHT);
      const grey = Array.from({ length: data.length / 4 }, (_, at) => (data[4 * at] + data[4 * at + 1] + data[4 * at + 2]) / 3);
      const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
      const shaky = before && mean(grey.map((value, at) => Math.abs(value - before[at]))) > SHAKY;
      const now = mean(grey) < DARK ? 'dark' : shaky ? 'shaky' : '';
      before = grey;
      if (now !== word) { word = now; onWord(now); }
    }, LOOK_MS);
  }
}

// The screen stays on while the page is seen; the browser lets go each time it is hidden.
export function stayAwake() {
  const ask = async () => {
    if (document.hidden || !navigator.wakeLock) return;
    const held = await navigator.wakeLock.request('screen').catch(() => null);
    document.body.dataset.awake = String(Boolean(held));
    held?.addEventListener('release', () => { document.body.dataset.awake = 'false'; });
  };
  document.addEventListener('visibilitychange', ask);
  return ask();
}
