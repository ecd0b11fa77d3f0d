import type { Detail } from './api';
import { type Life, scale, ticks } from './scale';
import { duration, instant, utc, widthOf } from './text';

// Overview is the whole life of the session on one scale, and where the picture below lies in it.
export function Overview({ d, l, width, part }: { d: Detail; l: Life; width: number; part: { from: number; to: number } }) {
  const t = d.timeline!, small = width < 520, left = small ? 82 : 122, right = width - 14, height = 104;
  const s = scale(l.begin, l.end, left, right), dead = s.x(l.expired), from = s.x(l.clock);
  const spells = t.spells.map((x) => ({ a: instant(x.from), b: instant(x.to) }));
  const bins = new Map<number, number>();
  for (const r of t.requests) {
    if (r.kind === 'refused' || r.inactive) continue;
    const i = Math.floor((s.x(instant(r.start)) - left) / 4);
    bins.set(i, (bins.get(i) ?? 0) + 1);
  }
  const most = Math.max(1, ...bins.values());
  const limit = d.type === 'idle_timeout' || d.type === 'absolute_timeout' ? duration(d.limit) : '';
  const a = Math.max(s.x(part.from), left), b = Math.max(Math.min(s.x(part.to), right), a + 3);
  const begin = s.x(l.started), sure = d.state === 'confirmed';
  return <svg class="timeline overview" role="img" viewBox={`0 0 ${width} ${height}`} width={width} height={height}
    data-from={s.from} data-to={s.to} data-left={left} data-right={right}
    aria-label={`The whole session, ${duration((l.end - l.begin) / 1000)} long. The part at its end is drawn below, on a scale of its own.`}>
    <text class="lane" x={left - 10} y="36" text-anchor="end">{small ? 'all' : 'whole session'}</text>
    <rect class="alive" x={begin} y="14" width={Math.max(dead - begin, 1)} height="6" />
    {!d.start_known && <path class="open" d={`M${begin} 10v14`} />}
    <rect class={sure ? 'dead' : 'dead unsure'} x={dead} y="10" width={Math.max(2, right - dead)} height="42" />
    {t.blind.map((b, i) => <rect key={i} class="blind" x={s.x(instant(b.from))} y="10" width={Math.max(2, s.x(instant(b.to)) - s.x(instant(b.from)))} height="42" />)}
    {spells.map((x, i) => <rect key={i} class={x.a > l.expired ? 'spell late' : 'spell'} x={s.x(x.a)} y="26" width={Math.max(2, s.x(x.b) - s.x(x.a))} height="26" />)}
    {[...bins].map(([i, n]) => <rect key={i} class="bin" x={left + i * 4} y={52 - 4 - (n / most) * 22} width="3" height={4 + (n / most) * 22} />)}
    <path class="clock" d={`M${from} 59H${dead}M${from} 54v10M${dead} 54v10`} />
    {dead - from > 50 && limit && <text class="clock-text" x={(from + dead) / 2} y="73" text-anchor="middle">{limit}</text>}
    <path class="expiry" d={`M${dead} 6V64`} data-t={l.expired} />
    <path class="lens" d={`M${a} 66L${left} ${height}H${right}L${b} 66z`} />
    {ticks(s, Math.floor((right - left) / (small ? 66 : 92))).map(({ at, step }) => {
      const text = utc(at).slice(0, step % 6e4 ? 8 : 5);
      return <text key={at} class="small" x={Math.min(s.x(at), width - 2 - widthOf(text, 11) / 2)} y="88" text-anchor="middle">{text}</text>;
    })}
  </svg>;
}
