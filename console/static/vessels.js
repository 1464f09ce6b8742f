// Owns the canvas layer of the map: coastline, port geometry and every vessel in one drawing pass.
// Never fetches; it draws what it is given.
import * as L from './vendor/leaflet/leaflet.js';

const M_PER_DEG = 111320;

/** @typedef {{key: string, lat: number, lon: number, course: number|null, heading: number|null, speed: number|null, stale: boolean, atRest: boolean, length: number|null, beam: number|null, bow: number|null, name: string}} Vessel */

export const ChartLayer = L.Layer.extend({
  initialize() {
    this.vessels = [];
    this.ports = [];
    this.track = [];
    this.coast = null;
    this.chosen = null;
    this.lang = 'en';
    this.draws = 0;
  },
  onAdd(map) {
    this._map = map;
    this._canvas = L.DomUtil.create('canvas', 'leaflet-layer', this.getPane());
    map.on('move zoom viewreset resize zoomend moveend', this.redraw, this);
    this.redraw();
  },
  onRemove(map) {
    map.off('move zoom viewreset resize zoomend moveend', this.redraw, this);
    this._canvas.remove();
  },
  /** Draw at the next frame; many calls make one drawing. */
  redraw() {
    if (this._frame || !this._map) return;
    this._frame = requestAnimationFrame(() => {
      this._frame = 0;
      this._draw();
    });
  },
  /** The vessel nearest to a point of the map's container, within `reach` px. */
  nearest(point, reach) {
    let best = null;
    let least = reach;
    for (const vessel of this.vessels) {
      const distance = this._map.latLngToContainerPoint([vessel.lat, vessel.lon]).distanceTo(point);
      if (distance < least) {
        least = distance;
        best = vessel;
      }
    }
    return best;
  },
  _draw() {
    const map = this._map;
    const size = map.getSize();
    const ratio = window.devicePixelRatio || 1;
    const canvas = this._canvas;
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    if (canvas.width !== size.x * ratio || canvas.height !== size.y * ratio) {
      canvas.width = size.x * ratio;
      canvas.height = size.y * ratio;
      canvas.style.width = `${size.x}px`;
      canvas.style.height = `${size.y}px`;
    }
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const look = getComputedStyle(document.documentElement);
    const colour = (name) => look.getPropertyValue(name).trim();
    // Mercator by hand: one multiplication per point instead of an object per point.
    const zoom = 256 * 2 ** map.getZoom();
    const origin = map.project(map.containerPointToLatLng([0, 0]), map.getZoom());
    const toX = (lon) => ((lon + 180) / 360) * zoom - origin.x;
    const toY = (lat) => {
      const sin = Math.sin((Math.max(-85, Math.min(85, lat)) * Math.PI) / 180);
      return (0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)) * zoom - origin.y;
    };
    pen.fillStyle = colour('--yj-sea');
    pen.fillRect(0, 0, size.x, size.y);
    this._coast(pen, size, toX, toY, colour);
    this._grid(pen, size, map, toX, toY, colour);
    for (const port of this.ports) this._port(pen, port, toX, toY, colour, map.getZoom());
    this._track(pen, toX, toY, colour);
    this._fleet(pen, size, map, toX, toY, colour);
    this.draws += 1;
    canvas.dataset.draws = String(this.draws);
    canvas.dataset.vessels = String(this.vessels.length);
  },
  _coast(pen, size, toX, toY, colour) {
    if (!this.coast) return;
    const path = (rings, scale) => {
      pen.beginPath();
      for (const ring of rings) {
        for (let i = 0; i < ring.length; i += 2) {
          const x = toX(ring[i] / scale);
          const y = toY(ring[i + 1] / scale);
          if (i === 0) pen.moveTo(x, y);
          else pen.lineTo(x, y);
        }
        pen.closePath();
      }
    };
    const land = () => {
      pen.fillStyle = colour('--yj-land');
      pen.strokeStyle = colour('--yj-coast');
      pen.lineWidth = 1;
      pen.fill('evenodd');
      pen.stroke();
    };
    path(this.coast.rings, this.coast.scale);
    land();
    for (const {box: [west, south, east, north], rings} of this.coast.detail) {
      const [left, right, top, bottom] = [toX(west), toX(east), toY(north), toY(south)];
      if (right < 0 || left > size.x || bottom < 0 || top > size.y) continue;
      pen.save();
      pen.beginPath();
      pen.rect(left, top, right - left, bottom - top);
      pen.clip();
      pen.fillStyle = colour('--yj-sea');
      pen.fillRect(left, top, right - left, bottom - top);
      path(rings, this.coast.detail_scale);
      land();
      pen.restore();
    }
  },
  _grid(pen, size, map, toX, toY, colour) {
    const bounds = map.getBounds();
    const span = bounds.getEast() - bounds.getWest();
    const step = [30, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01].find((one) => span / one >= 4) ?? 0.005;
    const digits = Math.max(0, Math.ceil(-Math.log10(step)) + (String(step).includes('25') ? 1 : 0));
    pen.strokeStyle = colour('--yj-grid');
    pen.fillStyle = colour('--element-neutral-color');
    pen.lineWidth = 1;
    pen.font = '11px "Noto Sans", sans-serif';
    pen.beginPath();
    for (let lon = Math.ceil(bounds.getWest() / step) * step; lon < bounds.getEast(); lon += step) {
      const x = Math.round(toX(lon)) + 0.5;
      pen.moveTo(x, 0);
      pen.lineTo(x, size.y);
      pen.textAlign = 'center';
      pen.fillText(`${Math.abs(lon).toFixed(digits)}°${lon < 0 ? 'W' : 'E'}`, x, size.y - 24);
    }
    for (let lat = Math.ceil(Math.max(-84, bounds.getSouth()) / step) * step; lat < Math.min(84, bounds.getNorth()); lat += step) {
      const y = Math.round(toY(lat)) + 0.5;
      pen.moveTo(0, y);
      pen.lineTo(size.x, y);
      pen.textAlign = 'right';
      pen.fillText(`${Math.abs(lat).toFixed(digits)}°${lat < 0 ? 'S' : 'N'}`, size.x - 8, y - 3);
    }
    pen.stroke();
  },
  _port(pen, port, toX, toY, colour, zoom) {
    const line = (points) => {
      pen.beginPath();
      points.forEach(([lon, lat], index) => (index ? pen.lineTo(toX(lon), toY(lat)) : pen.moveTo(toX(lon), toY(lat))));
    };
    if (port.anchorage?.length) {
      line(port.anchorage);
      pen.closePath();
      pen.setLineDash([6, 4]);
      pen.strokeStyle = colour('--yj-fairway');
      pen.lineWidth = 1.5;
      pen.stroke();
      pen.setLineDash([]);
    }
    if (port.fairway?.length) {
      line(port.fairway);
      pen.setLineDash([14, 6]);
      pen.strokeStyle = colour('--yj-fairway');
      pen.lineWidth = 2;
      pen.stroke();
      pen.setLineDash([]);
    }
    for (const berth of port.berths ?? []) {
      line(berth.quay);
      pen.strokeStyle = colour('--element-neutral-color');
      pen.lineWidth = zoom > 12 ? 4 : 2;
      pen.stroke();
      if (zoom < 14) continue;
      const [[x1, y1], [x2, y2]] = berth.quay;
      pen.fillStyle = colour('--element-neutral-color');
      pen.font = '600 11px "Noto Sans", sans-serif';
      pen.textAlign = 'left';
      pen.fillText(berth.id, toX((x1 + x2) / 2) + 8, toY((y1 + y2) / 2) + 12);
    }
    if (zoom >= 7) {
      pen.fillStyle = colour('--element-neutral-color');
      pen.font = '600 12px "Noto Sans", "Noto Sans CJK SC", sans-serif';
      pen.textAlign = 'left';
      pen.fillText(port.name[this.lang], toX(port.centre[0]) + 14, toY(port.centre[1]) + (zoom < 13 ? 22 : 60));
    }
  },
  _track(pen, toX, toY, colour) {
    if (this.track.length < 2) return;
    pen.beginPath();
    this.track.forEach(([lon, lat], index) => (index ? pen.lineTo(toX(lon), toY(lat)) : pen.moveTo(toX(lon), toY(lat))));
    pen.strokeStyle = colour('--yj-track');
    pen.lineWidth = 1.5;
    pen.stroke();
  },
  /** A triangle per vessel as ECDIS shows AIS targets; its true outline once that is larger. A dot where no direction is known. */
  _fleet(pen, size, map, toX, toY, colour) {
    const zoom = map.getZoom();
    const [ink, weak, chosenColour, halo] = ['--yj-ink', '--element-inactive-color', '--alert-warning-color', '--yj-sea'].map(colour);
    const taken = [];
    pen.font = '12px "Noto Sans", "Noto Sans CJK SC", sans-serif';
    pen.textAlign = 'left';
    const ordered = this.chosen ? [...this.vessels].sort((a, b) => (a.key === this.chosen) - (b.key === this.chosen)) : this.vessels;
    for (const vessel of ordered) {
      const x = toX(vessel.lon);
      const y = toY(vessel.lat);
      if (x < -60 || y < -60 || x > size.x + 60 || y > size.y + 60) continue;
      const isChosen = vessel.key === this.chosen;
      const perMetre = (zoom ? 256 * 2 ** zoom : 256) / (360 * M_PER_DEG * Math.cos((vessel.lat * Math.PI) / 180));
      const pixels = (vessel.length ?? 0) * perMetre;
      const angle = vessel.heading ?? vessel.course;
      pen.save();
      pen.translate(x, y);
      pen.strokeStyle = isChosen ? chosenColour : vessel.stale ? weak : ink;
      pen.fillStyle = isChosen ? chosenColour : vessel.stale ? 'transparent' : ink;
      pen.lineWidth = isChosen ? 2 : 1.4;
      if (isChosen) {
        pen.strokeRect(-13, -13, 26, 26);
      }
      if (angle !== null) {
        pen.rotate((angle * Math.PI) / 180);
        pen.beginPath();
        if (pixels > 26) {
          const half = ((vessel.beam ?? vessel.length / 7) * perMetre) / 2;
          const bow = (vessel.bow ?? vessel.length / 2) * perMetre;
          pen.moveTo(0, -bow);
          pen.lineTo(half, -bow + half * 2);
          pen.lineTo(half, pixels - bow);
          pen.lineTo(-half, pixels - bow);
          pen.lineTo(-half, -bow + half * 2);
        } else {
          pen.moveTo(0, -9);
          pen.lineTo(5, 6);
          pen.lineTo(-5, 6);
        }
        pen.closePath();
        pen.globalAlpha = vessel.atRest ? 0.28 : 0.85;
        pen.fill();
        pen.globalAlpha = 1;
        pen.stroke();
      } else {
        pen.beginPath();
        pen.arc(0, 0, 3.5, 0, 7);
        pen.globalAlpha = vessel.atRest ? 0.28 : 0.85;
        pen.fill();
        pen.globalAlpha = 1;
        pen.stroke();
      }
      pen.restore();
      if (!vessel.stale && vessel.course !== null && vessel.speed > 0.5) {
        const reach = Math.min(90, vessel.speed * 1852 * 0.1 * perMetre); // six minutes ahead
        const radians = (vessel.course * Math.PI) / 180;
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(x + Math.sin(radians) * reach, y - Math.cos(radians) * reach);
        pen.setLineDash([4, 3]);
        pen.stroke();
        pen.setLineDash([]);
      }
      if (zoom < 10 && !isChosen) continue;
      const width = vessel.name.length * 7;
      const clear = isChosen || taken.every(([left, top, wide]) => x + 14 > left + wide || left > x + 14 + width || Math.abs(top - y) > 13);
      if (!clear) continue;
      taken.push([x + 14, y, width]);
      pen.lineWidth = 3;
      pen.strokeStyle = halo;
      pen.strokeText(vessel.name, x + 14, y + 4);
      pen.fillStyle = isChosen ? ink : vessel.stale ? weak : ink;
      pen.fillText(vessel.name, x + 14, y + 4);
    }
  },
});
