// Instants are milliseconds since the Unix epoch, with a fraction: a text has nanoseconds.
export function instant(text: string): number {
  const m = /^(.{19})(\.\d+)?Z$/.exec(text);
  return m ? Date.parse(m[1] + 'Z') + Number('0' + (m[2] ?? '')) * 1000 : NaN;
}

// since is an instant, or before all of them where there is no text.
export const since = (text: string) => (text ? instant(text) : -Infinity);

// utc is the time of day, to the second or as exactly as digits say.
export const utc = (t: number, digits = 0) => new Date(t).toISOString().slice(11, digits ? 20 + digits : 19);
export const date = (t: number) => new Date(t).toISOString().slice(0, 10);
export const local = (t: number) => new Date(t).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });

// Formats are made once: to make one takes longer than to draw a row.
const dayFormat = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', timeZone: 'UTC' }), numberFormat = new Intl.NumberFormat('en');

// when is a time of day, with its day unless that is today.
export const when = (t: number) => (date(t) === date(Date.now()) ? '' : dayFormat.format(t) + ' ') + utc(t);

export function duration(seconds: number): string {
  const s = Math.abs(seconds), n = (x: number) => String(+x.toFixed(1));
  if (s < 1) return Math.round(s * 1000) + ' ms';
  if (s < 120) return n(s) + ' s';
  if (s < 7200 && s % 3600) return n(s / 60) + ' min';
  if (s < 48 * 3600) return n(s / 3600) + ' h';
  return n(s / 86400) + ' days';
}

export const number = (n: number) => numberFormat.format(n);
// widthOf is how many pixels a text takes in a picture. weight is of its font.
const pen = new OffscreenCanvas(1, 1).getContext('2d')!;
export function widthOf(text: string, size = 12, weight = 400): number {
  pen.font = `${weight} ${size}px system-ui, sans-serif`;
  return pen.measureText(text).width;
}

// fit leaves so much of a text as so many pixels have room for.
export function fit(text: string, room: number, size = 12, weight = 400): string {
  if (text.length < 256 && widthOf(text, size, weight) <= room) return text;
  const all = [...text].slice(0, 256);
  while (all.length && widthOf(all.join('') + '…', size, weight) > room) all.pop();
  return all.join('') + '…';
}

export const cut = (s: string, n: number) => (s.length > n ? [...s].slice(0, n - 1).join('') + '…' : s);
export const name = (s: string) => s || '(no name)';
export const plural = (n: number, noun: string) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;

export const rules: Record<string, string> = {
  idle_timeout: 'idle limit', absolute_timeout: 'absolute limit', ended: 'after its end', rotated: 'old id', revoked: 'revoked',
};
