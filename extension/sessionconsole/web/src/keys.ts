import { hrefOf, pause, paused, route } from './store';

export const keys: [string, string][] = [
  ['j, k', 'next, previous finding'], ['Enter', 'open it'], ['Esc', 'back to the list'], ['/', 'search'],
  ['p', 'pause'], ['g s, g l, g f', 'services, limits, findings'], ['?', 'these keys'],
];

const links = () => [...document.querySelectorAll<HTMLAnchorElement>('nav.findings li > a')];
let went = false; // g was pressed

function move(by: number) {
  const all = links(), now = all.indexOf(document.activeElement as HTMLAnchorElement);
  const current = now >= 0 ? now : all.findIndex((a) => a.getAttribute('aria-current'));
  all[Math.min(Math.max(current + by, 0), all.length - 1)]?.focus();
}

// back goes to the list, with the focus on the finding that was open.
function back() {
  const { id } = route.value;
  if (route.value.view === 'findings') return;
  location.hash = hrefOf('');
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const row = document.querySelector<HTMLAnchorElement>(`nav.findings li[data-id="${id}"] > a`);
    (row ?? links()[0])?.focus();
  }));
}

export function listenToKeys(help: () => void) {
  addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    const typing = (e.target as Element).closest?.('input, select, textarea');
    if (e.key === 'Escape') {
      if (typing) (typing as HTMLElement).blur();
      else back();
      return;
    }
    if (typing) return;
    const goes: Record<string, string> = { s: 'services', l: 'limits', f: '' };
    if (went && e.key in goes) location.hash = hrefOf(goes[e.key]);
    else if (e.key === 'j') move(1);
    else if (e.key === 'k') move(-1);
    else if (e.key === '/') document.getElementById('search')?.focus();
    else if (e.key === 'p') pause(!paused.value);
    else if (e.key === '?') help();
    else if (e.key !== 'g') { went = false; return; }
    went = e.key === 'g' && !went;
    e.preventDefault();
  });
}
