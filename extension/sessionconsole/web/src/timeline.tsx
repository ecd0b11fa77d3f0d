import type { Detail, Request } from './api';
import { Mark, kinds } from './marks';
import { type Life, type Scale, scale, ticks } from './scale';
import { cut, date, duration, fit, instant, local, name, since, utc, widthOf } from './text';

const lane = 36, near = 14;

interface Group { at: number; kind: string; inactive?: boolean; lane: number; all: Request[] }

// grouped are the requests of a lane, those that would cover one another as one.
function grouped(requests: Request[], lanes: string[], s: Scale): Group[] {
  const all: Group[] = [];
  for (const r of requests) {
    const at = instant(r.start), i = lanes.indexOf(r.service);
    if (at < s.from || at > s.to || i < 0) continue;
    const last = all.findLast((g) => g.lane === i && g.kind === r.kind && g.inactive === r.inactive && s.x(at) - s.x(g.at) < near);
    if (last) last.all.push(r);
    else all.push({ at, kind: r.kind, inactive: r.inactive, lane: i, all: [r] });
  }
  return all;
}

const mostLanes = 8;

// lanesOf are the services, the offender's first, then those that refused it.
export function lanesOf(d: Detail): string[] {
  const all = [d.service], of = (kind: string) => d.timeline!.requests.filter((r) => r.kind === kind).map((r) => r.service);
  for (const s of [...of('refused'), ...of('late'), ...d.timeline!.requests.map((r) => r.service)]) if (!all.includes(s)) all.push(s);
  return all.slice(0, mostLanes);
}

const eventNames: Record<string, string> = { login: 'login', start: 'start', rotated_from: 'from another id', rotated_away: 'new id', end: 'ended', revoked: 'all revoked' };

// clockName says which clock ran out.
function clockName(d: Detail): string {
  const limit = duration(d.limit);
  switch (d.type) {
    case 'idle_timeout': return `nothing happens: idle limit ${limit}`;
    case 'absolute_timeout': return `${d.start_known ? 'age' : 'at least this old'}: absolute limit ${limit}`;
    default: return `grace ${limit}`;
  }
}

function title(r: Request, n: number): string {
  const t = instant(r.start);
  return `${name(r.service)}${r.instance ? ' (' + r.instance + ')' : ''}: ${[r.method, r.route].filter(Boolean).join(' ') || 'a request'}${r.status ? ', ' + r.status : ''}
${kinds[r.kind]}${n > 1 ? `, and ${n - 1} more` : ''}
${utc(t, 3)} UTC, for ${duration((instant(r.end) - t) / 1000)}${r.judged ? `\npart of what began at ${utc(instant(r.judged), 3)}` : ''}
${local(t)}`;
}

// rows puts labels side by side where there is room, and else one above another.
function rows(labels: { x: number; width: number }[], most: number): number[] {
  const end: number[] = [];
  return labels.map(({ x, width }) => {
    for (let row = 0; row < most; row++) {
      if (x >= (end[row] ?? -1e9)) {
        end[row] = x + width + 8;
        return row;
      }
    }
    return -1;
  });
}

export function Timeline({ d, l, width, part }: { d: Detail; l: Life; width: number; part: { from: number; to: number } | null }) {
  const t = d.timeline!, small = width < 520, left = small ? 82 : 122, right = width - 14;
  const s = scale(part?.from ?? l.begin, part?.to ?? l.end, left, right), dead = s.x(l.expired);
  const events = t.events.map((e) => ({ ...e, t: instant(e.at) })).filter((e) => e.t >= s.from && e.t <= s.to);
  const texts = events.map((e) => eventNames[e.kind] + (e.other && !small ? ' ' + e.other.slice(0, 8) : '') + (e.by && !small ? ', says ' + cut(e.by, 14) : ''));
  const flip = events.map((e, i) => { // where it would leave the picture, or cross the end
    const x = s.x(e.t), wide = widthOf(texts[i]) + 8;
    return x > right - wide || (x < dead && x + wide > dead && x - wide > left);
  });
  const place = rows(events.map((e, i) => ({ x: s.x(e.t) - (flip[i] ? widthOf(texts[i]) + 4 : 0), width: widthOf(texts[i]) })), 2);
  const top = 32 + 14 * (Math.max(-1, ...place) + 1);
  const lanes = lanesOf(d), bottom = top + lane * (lanes.length + 1), height = bottom + 84;
  const inside = (x: number) => Math.min(Math.max(x, left), right);
  const tolerance = s.x(Math.min(l.expired + d.tolerance * 1000, s.to)), from = inside(s.x(l.clock)), begin = inside(s.x(l.started));
  const y = (i: number) => top + lane * (i + 1) + lane / 2;
  const groups = grouped(t.requests, lanes, s), sure = d.state === 'confirmed', cleared = d.state === 'retracted';
  const doubt = sure ? '' : cleared ? ' unsure cleared' : ' unsure';
  const labels: number[][] = []; // where those above and below each lane end
  const held = t.not_held.map((x) => [inside(s.x(since(x.from))), inside(s.x(instant(x.to)))]).filter(([a, b]) => b - a > 1);
  const axis = ticks(s, Math.floor((right - left) / (small ? 62 : 84)));
  const digits = axis.length && axis[0].step < 1000 ? 3 : 0, text = clockName(d), half = widthOf(text, 12, 600) / 2;
  const middle = Math.min(Math.max((from + dead) / 2, left + half), right - half);
  const dated = `${sure ? 'dead since' : cleared ? 'was thought dead since' : 'seems dead since'} ${utc(l.expired, small ? 0 : 3)}`, wide = widthOf(dated, 13, 700);
  const said = Math.min(Math.max(dead > (left + right) / 2 ? dead + 4 - wide : dead - 4, 4), width - 4 - wide);
  return <svg class="timeline" role="img" aria-labelledby="tl-t tl-d" viewBox={`0 0 ${width} ${height}`} width={width} height={height}
    data-from={s.from} data-to={s.to} data-left={left} data-right={right}>
    <title id="tl-t">Timeline of session {d.session.slice(0, 12)}</title>
    <desc id="tl-d">{d.sentence}</desc>
    <defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V8" class="stripe" /></pattern></defs>
    <g class={doubt || undefined}>
      <rect class="dead" x={dead} y="24" width={right - dead} height={bottom - 24} />
      {sure && <rect class="hatch" x={dead} y="24" width={right - dead} height={bottom - 24} fill="url(#hatch)" />}
      {tolerance - dead > 2 && <rect class="tolerance" x={dead} y={top + lane} width={tolerance - dead} height={bottom - top - lane} />}
      {tolerance - dead > 96 && <text class="small" x={dead + 5} y={bottom - 5}>tolerance {duration(d.tolerance)}</text>}
    </g>
    {t.blind.map((b, i) => {
      const a = inside(s.x(instant(b.from))), e = inside(s.x(instant(b.to)));
      return e - a > 1 && <g key={i}><rect class="blind" x={a} y={top} width={e - a} height={bottom - top} /><text class="small" x={a + 4} y={bottom - 5}>{e - a > 90 ? 'blind: ' + cut(b.reason ?? '', 12) : ''}</text></g>;
    })}
    <g class="life">
      <text class="lane" x={left - 10} y={top + lane / 2 + 5} text-anchor="end">session</text>
      {dead - begin > 1 && <rect class="alive" x={begin} y={top + 8} width={dead - begin} height={lane - 16} />}
      {!d.start_known && dead - begin > 8 && <path class="open" d={`M${begin} ${top + 5}v${lane - 10}`} />}
      {dead - begin > 46 && <text class="alive-text" x={(begin + dead) / 2} y={top + lane / 2 + 4} text-anchor="middle">alive</text>}
      <rect class={'gone' + doubt} x={dead} y={top + 8} width={right - dead} height={lane - 16} />
      {right - dead > 46 && <text class={'gone-text' + doubt} x={(dead + right) / 2} y={top + lane / 2 + 4} text-anchor="middle">{sure ? 'dead' : cleared ? 'alive' : right - dead > 130 ? 'dead, as it seems' : 'dead?'}</text>}
    </g>
    {lanes.map((service, i) => <g key={service}>
      <text class={i ? 'lane' : 'lane offender'} x={left - 10} y={y(i) + 4} text-anchor="end">{fit(name(service), left - 16, 12, 600)}<title>{name(service)}</title></text>
      <path class="rail" d={`M${left} ${y(i)}H${right}`} />
      {held.map(([a, b], j) => <g key={j}><path class="rail-off" d={`M${a} ${y(i)}H${b}`} /><path class="rail unheld" d={`M${a} ${y(i)}H${b}`} /></g>)}
    </g>)}
    {held.length > 0 && held[0][1] - held[0][0] > 60 && <text class="small" x={held[0][0] + 4} y={top + lane + 8}>{small || held[0][1] - held[0][0] < 270 ? 'not held' : `single requests are not held before ${utc(instant(t.not_held[0].to))}`}</text>}
    <path class="clock" d={`M${from} ${bottom + 14}H${dead}M${dead} ${bottom + 8}v12${l.clock >= s.from ? `M${from} ${bottom + 8}v12` : `M${from + 8} ${bottom + 8}l-8 6l8 6`}`} />
    <text class="clock-text" x={middle} y={bottom + 33} text-anchor="middle">{text}</text>
    {events.map((e, i) => <g key={i} class="event"><path d={`M${s.x(e.t)} ${26 + 14 * Math.max(place[i], 0)}V${bottom}`} />
      {place[i] >= 0 && <text x={s.x(e.t) + (flip[i] ? -4 : 4)} y={36 + 14 * place[i]} text-anchor={flip[i] ? 'end' : 'start'}>{texts[i]}</text>}<title>{utc(e.t, 3)} UTC</title></g>)}
    <path class={'expiry' + doubt} d={`M${dead} 20V${bottom + 20}`} data-t={l.expired} />
    <text class={'expiry-text' + doubt} x={said} y="15">{dated}</text>
    {groups.map((g, i) => {
      const x = s.x(g.at), n = g.all.length, end = Math.min(s.x(instant(g.all[n - 1].end)), right), r = g.all[0];
      const late = g.kind === 'late' && g.lane === 0, first = late && g.all.some((o) => instant(o.start) === l.first);
      const word = first ? '+' + duration(d.overrun) : late || g.kind === 'refused' ? String(r.status ?? '') : '';
      const times = n > 1 ? n + '×' : '', all = [times, word].filter(Boolean).join(' ');
      const label = times && !first && x + 10 + widthOf(all, 11.5, 700) > width ? times : all, wide = widthOf(label, 11.5, 700), crowded = groups.some((o) => o.lane === g.lane && o.at > g.at && s.x(o.at) - x < wide + 16);
      const turn = x + 10 + wide > width || crowded && x - 9 - wide > (labels[g.lane]?.[0] ?? left);
      const start = turn ? x - 9 - wide : x + 9, ends = (labels[g.lane] ??= [-1e9, -1e9]), row = start >= ends[0] ? 0 : start >= ends[1] ? 1 : -1;
      if (label && row >= 0) ends[row] = start + wide + 4;
      return <g key={i} class="request" data-kind={g.kind} data-t={g.at} data-n={n}>
        {end - x > 3 && <rect class={'bar ' + g.kind} x={x} y={y(g.lane) - 3} width={end - x} height="6" />}
        <Mark kind={g.kind} inactive={g.inactive} x={x} y={y(g.lane)} />
        {label && row >= 0 && <text class={'label ' + g.kind} x={x + (turn ? -9 : 9)} y={y(g.lane) + (row ? 16 : -6)} text-anchor={turn ? 'end' : 'start'}>{label}</text>}
        <title>{title(r, n)}</title>
      </g>;
    })}
    <path class="axis" d={`M${left} ${bottom + 48}H${right}`} />
    {axis.map(({ at }) => <g key={at} class="axis"><path d={`M${s.x(at)} ${bottom + 48}v5`} /><text x={Math.min(s.x(at), width - 2 - widthOf(utc(at, digits)) / 2)} y={bottom + 66} text-anchor="middle">{utc(at, digits)}<title>{local(at)}</title></text></g>)}
    <text class="small" x={right} y={bottom + 81} text-anchor="end">{date(l.first)}, UTC</text>
  </svg>;
}
