import type { Detail } from './api';
import { instant } from './text';

// Scale is linear, from instants to pixels.
export interface Scale { from: number; to: number; left: number; right: number; x(t: number): number }

export function scale(from: number, to: number, left: number, right: number): Scale {
  const per = (right - left) / (to - from || 1);
  return { from, to, left, right, x: (t) => left + (t - from) * per };
}

const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 216e5, 432e5, 864e5, 1728e5, 6048e5];

// ticks are at most so many round instants, of wall time.
export function ticks(s: Scale, most: number): { at: number; step: number }[] {
  const step = steps.find((x) => (s.to - s.from) / x <= most) ?? (s.to - s.from) / most;
  const all = [];
  for (let at = Math.ceil(s.from / step) * step; at <= s.to; at += step) all.push({ at, step });
  return all;
}

export interface Life { started: number; clock: number; expired: number; first: number; last: number; begin: number; end: number }

// life are the instants that a picture is made of.
export function life(d: Detail): Life {
  const t = d.timeline!;
  const expired = instant(d.expired_at), first = instant(d.at), last = Math.max(instant(d.last_at), first);
  const started = instant(d.started_at), clock = instant(t.clock_from);
  const begin = Math.min(started, clock, expired, ...t.events.map((e) => instant(e.at)), ...t.spells.slice(0, 1).map((s) => instant(s.from)));
  const refused = t.requests.filter((r) => instant(r.start) > expired && instant(r.start) - last < 0.5 * (last - begin)).map((r) => instant(r.end));
  const end = Math.max(last, ...refused);
  return { started, clock, expired, first, last, begin, end: end + Math.max((end - begin) * 0.06, 50) };
}

// leastGap is how many pixels lie between expiry and first late request at least, or what
// happened there has a scale of its own.
const leastGap = 40;

// lens is the part that has a scale of its own; null where one scale shows it all.
export function lens(l: Life, width: number): { from: number; to: number } | null {
  const overrun = Math.max(l.first - l.expired, 1);
  if ((overrun / (l.end - l.begin)) * width >= leastGap) return null;
  const k = 0.6 * (l.last - l.expired) + overrun;
  return { from: l.expired - k, to: l.last + 0.35 * k };
}
