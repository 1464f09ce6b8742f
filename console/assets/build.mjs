// Owns turning pinned npm packages into console/static/vendor: ES modules, style sheets, coastline, notices.
// Never runs when the product runs: a built wheel and a checkout after `python -m console.assets` need no Node.
import {build, transform} from 'esbuild';
import {feature} from 'topojson-client';
import {cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, 'node_modules');
const out = join(here, '..', 'static', 'vendor');
rmSync(out, {recursive: true, force: true});
mkdirSync(join(out, 'leaflet'), {recursive: true});
mkdirSync(join(out, 'swagger'), {recursive: true});

const bundle = (entry, file) =>
  build({entryPoints: [entry], outfile: join(out, file), bundle: true, format: 'esm', minify: true, target: 'es2022', legalComments: 'none', logLevel: 'warning'});
await bundle(join(here, 'openbridge.entry.js'), 'openbridge.js');
await bundle(join(modules, 'leaflet/dist/leaflet-src.esm.js'), 'leaflet/leaflet.js');
cpSync(join(modules, 'htmx.org/dist/htmx.esm.min.js'), join(out, 'htmx.js'));
cpSync(join(modules, 'leaflet/dist/leaflet.css'), join(out, 'leaflet/leaflet.css'));
cpSync(join(modules, 'leaflet/dist/images'), join(out, 'leaflet/images'), {recursive: true});
for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) cpSync(join(modules, 'swagger-ui-dist', name), join(out, 'swagger', name));
cpSync(join(modules, '@oicl/openbridge-webcomponents/dist/NotoSans.ttf'), join(out, 'NotoSans.ttf'));

// The design system's style sheet declares 11,000 tokens for all components; those nobody refers to are left out.
const ownStyles = readdirSync(join(here, '..', 'static'), {recursive: true}).filter((name) => /\.(css|js)$/.test(name) && !name.startsWith('vendor'));
const users = [readFileSync(join(out, 'openbridge.js'), 'utf8'), ...ownStyles.map((name) => readFileSync(join(here, '..', 'static', name), 'utf8'))];
const sheet = readFileSync(join(modules, '@oicl/openbridge-webcomponents/dist/openbridge.css'), 'utf8').replace(/\.obc-component-size-(medium|large|xl)\s*\{[^}]*\}/g, '');
const declared = new Map();
for (const [, name, value] of sheet.matchAll(/(--[\w-]+)\s*:\s*([^;}]*)/g)) declared.set(name, (declared.get(name) ?? '') + value);
const wanted = new Set();
const want = (text) => {
  for (const [name] of text.matchAll(/--[\w-]+/g)) {
    if (wanted.has(name)) continue;
    wanted.add(name);
    if (declared.has(name)) want(declared.get(name));
  }
};
users.forEach(want);
for (const [, rule] of sheet.matchAll(/\.obc-[^{]*\{([^}]*)\}/g)) want(rule.replace(/(^|;)\s*--[\w-]+\s*:[^;]*/g, '$1'));
const pruned = sheet.replace(/(--[\w-]+)\s*:\s*[^;}]*;/g, (text, name) => (wanted.has(name) ? text : ''));
writeFileSync(join(out, 'openbridge.css'), (await transform(pruned, {loader: 'css', minify: true})).code);

// Coastline: rings of [lon, lat] pairs, flat, in units of 1/scale degree. 1:50m for the world, 1:10m in the boxes.
const rings = (file) => {
  const topology = JSON.parse(readFileSync(join(modules, 'world-atlas', file), 'utf8'));
  const found = feature(topology, topology.objects.land);
  const shapes = (found.type === 'FeatureCollection' ? found.features : [found]).map((one) => one.geometry);
  return shapes.flatMap((geometry) => (geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates)).flat();
};
const clip = (ring, [west, south, east, north]) => {
  const edges = [[0, west, 1], [0, east, -1], [1, south, 1], [1, north, -1]];
  return edges.reduce((points, [axis, limit, sign]) => {
    const inside = (point) => (point[axis] - limit) * sign >= 0;
    return points.flatMap((point, index) => {
      const before = points[(index + points.length - 1) % points.length];
      const crossing = () => {
        const part = (limit - before[axis]) / (point[axis] - before[axis]);
        return [before[0] + part * (point[0] - before[0]), before[1] + part * (point[1] - before[1])];
      };
      if (inside(point)) return inside(before) ? [point] : [crossing(), point];
      return inside(before) ? [crossing()] : [];
    });
  }, ring);
};
const flat = (ring, scale) => ring.flatMap(([lon, lat]) => [Math.round(lon * scale), Math.round(lat * scale)]);
const {boxes} = JSON.parse(readFileSync(join(here, 'coast.json'), 'utf8'));
const fine = rings('land-10m.json');
const detail = boxes.map((box) => ({box, rings: fine.map((ring) => clip(ring, box)).filter((ring) => ring.length > 2).map((ring) => flat(ring, 10000))}));
writeFileSync(join(out, 'coastline.json'), JSON.stringify({source: 'Natural Earth via world-atlas 2.0.2 (public domain data)', scale: 100, rings: rings('land-50m.json').map((ring) => flat(ring, 100)), detail_scale: 10000, detail}));

// Licence texts of everything that is bundled.
const notices = [];
for (const [path, entry] of Object.entries(JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8')).packages)) {
  if (!path || entry.dev || entry.optional) continue;
  const folder = join(here, path);
  const text = ['LICENSE', 'LICENSE.md', 'LICENCE', 'license'].map((name) => join(folder, name)).find((file) => existsSync(file));
  notices.push(`${path.replace('node_modules/', '')} ${entry.version}, ${entry.license ?? 'see text'}\n\n${text ? readFileSync(text, 'utf8') : 'Licence as named above; the package carries no text of its own.'}`);
}
writeFileSync(join(out, 'NOTICES.txt'), notices.join('\n\n----------------------------------------\n\n'));
