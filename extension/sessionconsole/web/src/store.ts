import { batch, computed, signal } from '@preact/signals';
import type { Finding, State } from './api';

// Shown is a finding, and whether this run of the collector has told of it.
export interface Shown extends Finding { stale?: boolean }

export const state = signal<State | null>(null);
export const findings = signal<ReadonlyMap<string, Shown>>(new Map());
export const link = signal<'connecting' | 'live' | 'reconnecting'>('connecting');
export const lostSince = signal(0); // when the connection was lost; 0: it is there
export const paused = signal(false);
export const waiting = signal(0); // findings that came while paused
export const dropped = signal(0); // findings that gave way before they came here

const most = 1000;
let queue: Finding[] = [];
let told: State | null = null; // not shown yet
let forget = false; // what is shown is of an earlier run
let scheduled = false;
let caughtUp = false; // all that was held when the stream began is here, or was waited for

// However many events come, there is one paint a frame. A page that nobody sees has no frames.
function schedule() {
  if (scheduled) return;
  scheduled = true;
  if (document.hidden) setTimeout(apply, 500);
  else requestAnimationFrame(apply);
}

function apply() {
  scheduled = false;
  batch(() => {
    if (told) state.value = told;
    told = null;
    if (paused.value) waiting.value = new Set(queue.map((f) => f.id)).size;
    else if (caughtUp) take();
  });
}

// take shows what has come.
function take() {
  waiting.value = 0;
  if (!queue.length && !forget) return;
  const all = new Map(findings.value);
  if (forget) for (const [id, f] of all) all.set(id, { ...f, stale: true });
  forget = false;
  for (const f of queue) {
    all.delete(f.id);
    all.set(f.id, f);
  }
  for (const id of all.keys()) {
    if (all.size <= most) break;
    all.delete(id);
  }
  queue = [];
  findings.value = all;
}

export function pause(on: boolean) {
  paused.value = on;
  if (!on) schedule();
}

function goOn() {
  caughtUp = true;
  schedule();
}

let run = '';

// listen follows the stream, for ever: a browser resumes a broken one by itself, but not one that
// was refused.
export function listen() {
  const source = new EventSource('api/v1/events');
  const on = (event: string, take: (data: any) => void) =>
    source.addEventListener(event, (e) => take(JSON.parse((e as MessageEvent).data)));
  on('hello', (hello) => {
    if (run && run !== hello.run) {
      forget = true;
      queue = [];
    }
    run = hello.run;
    caughtUp = false; // what is held comes in many pieces, of which none but the last is worth a list
    setTimeout(goOn, 1000);
    batch(() => {
      link.value = 'live';
      lostSince.value = 0;
    });
  });
  on('finding', (f) => {
    queue.push(f);
    if (queue.length > 4 * most) queue = queue.slice(-most);
    if (caughtUp) schedule();
  });
  on('caught_up', goOn);
  on('state', (s) => {
    told = s;
    schedule();
  });
  on('dropped', (d) => { dropped.value += d.findings; });
  source.onerror = () => {
    batch(() => {
      link.value = 'reconnecting';
      lostSince.value ||= Date.now();
    });
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

// The page's address: a view, what it is of, and filters.
export const route = signal(parse(location.hash));
export const navigated = signal(false); // since the page was opened
addEventListener('hashchange', () => batch(() => {
  navigated.value = true;
  route.value = parse(location.hash);
}));

export interface Route { view: 'findings' | 'finding' | 'services' | 'limits'; id: string; filter: Record<string, string> }

function parse(hash: string): Route {
  const [path, query] = hash.replace(/^#\/?/, '').split('?');
  const filter = Object.fromEntries(new URLSearchParams(query ?? ''));
  const [first, id] = path.split('/');
  if (first === 'f' && /^[0-9a-f]{16}$/.test(id ?? '')) return { view: 'finding', id, filter };
  if (first === 'services' || first === 'limits') return { view: first, id: '', filter };
  return { view: 'findings', id: '', filter };
}

// hrefOf is the address of a view with the filters that are set.
export function hrefOf(path: string, filter: Record<string, string> = route.value.filter): string {
  const query = new URLSearchParams(Object.entries(filter).filter(([, v]) => v)).toString();
  return '#/' + path + (query ? '?' + query : '');
}

const rank: Record<string, number> = { confirmed: 0, inconclusive: 1, retracted: 2, critical: 0, warning: 1, info: 2 };

// The worst first; of equal ones the newest.
const worse = (a: Shown, b: Shown) =>
  rank[a.state] - rank[b.state] || rank[a.severity] - rank[b.severity] || (a.decided_at < b.decided_at ? 1 : a.decided_at > b.decided_at ? -1 : b.sequence - a.sequence);

export const fitting = computed(() => {
  const { q, ...equal } = route.value.filter;
  const words = (q ?? '').toLowerCase();
  const fits = (f: Shown) =>
    Object.entries(equal).every(([key, want]) => !want || (f as any)[key] === want) &&
    (!words || (f.sentence + f.session + (f.user ?? '') + f.id + (f.route ?? '') + (f.trace_id ?? '')).toLowerCase().includes(words));
  return [...findings.value.values()].filter(fits).sort(worse);
});

export const some = computed(() => findings.value.size > 0);

// services is the same list as long as it has the same names, so that nobody draws it anew.
let names: string[] = [];
export const services = computed(() => {
  const now = [...new Set([...findings.value.values()].map((f) => f.service))].sort().slice(0, 200);
  if (now.length !== names.length || now.some((s, i) => s !== names[i])) names = now;
  return names;
});
