// Owns the case page's index: it marks the section in view.
// Never changes the case.
import './shell.js';

const grid = document.querySelector('.case-grid');
const links = new Map([...document.querySelectorAll('.case-index a')].map((link) => [link.getAttribute('href').slice(1), link]));
const inView = new Set();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) inView[entry.isIntersecting ? 'add' : 'delete'](entry.target.id);
    const first = [...links.keys()].find((id) => inView.has(id));
    for (const [id, link] of links) link.toggleAttribute('aria-current', id === first);
  },
  {root: grid, rootMargin: '0px 0px -60% 0px'},
);
for (const id of links.keys()) watcher.observe(document.getElementById(id));
