import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { type Detail, get } from './api';
import { asMarkdown, Copy } from './copy';
import { Legend } from './marks';
import { Overview } from './overview';
import { lens, life } from './scale';
import { findings, hrefOf, navigated, route, type Shown } from './store';
import { Timeline } from './timeline';
import { date, instant, local, since, utc } from './text';

const stepMarks: Record<string, string> = { start: '○', clock: '◷', dead: '✕', refused: '⊘', served: '◆', event: '│' };

// Picture draws at the width that there is.
function Picture({ d }: { d: Detail }) {
  const box = useRef<HTMLElement>(null), width = useSignal(0);
  useLayoutEffect(() => {
    const measure = () => { width.value = Math.max(280, Math.min(Math.floor(box.current!.clientWidth) - 2, 1100)); };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const l = life(d), w = width.value, part = w ? lens(l, w - (w < 520 ? 96 : 136)) : null;
  const t = d.timeline!, from = part?.from ?? l.begin, to = part?.to ?? l.end;
  const seen = (x: { from: string; to: string }) => instant(x.to) > from && since(x.from) < to;
  const used = new Set(t.requests.filter((r) => instant(r.start) >= from && instant(r.start) <= to).map((r) => r.kind));
  if (t.blind.some(seen)) used.add('blind');
  if (t.not_held.some(seen)) used.add('not held');
  return <figure ref={box}>
    {w > 0 && part && <Overview d={d} l={l} width={w} part={part} />}
    {w > 0 && <Timeline d={d} l={l} width={w} part={part} />}
    <figcaption><Legend used={used} state={d.state} /></figcaption>
  </figure>;
}

function Common({ d }: { d: Detail }) {
  if (!d.in_common.length) return null;
  const percent = (x: number) => Math.round(x * 100) + ' %';
  return <section><h3>In common</h3><ul>
    {d.in_common.map((c) => <li key={c.what + c.value}>{c.what} <code><bdi>{c.value}</bdi></code> has <b>{percent(c.late)}</b> of the late requests ({c.late_of}), and {percent(c.all)} of all ({c.all_of}).</li>)}
  </ul></section>;
}

function Facts({ d }: { d: Shown }) {
  const facts: [string, string | undefined][] = [
    ['session', d.session], ['user', d.user], ['policy', d.policy], ['severity', d.severity], ['instance', d.instance], ['namespace', d.namespace],
    ['environment', d.environment], ['evidence', d.evidence], ['trace', d.trace_id], ['finding', d.id], ['revision', String(d.revision)], ['engine', d.engine],
    ['decided', `${date(instant(d.decided_at))} ${utc(instant(d.decided_at))} UTC`],
  ];
  return <section><h3>Facts</h3><dl>{facts.filter(([, v]) => v).map(([k, v]) => <div key={k}><dt>{k}</dt><dd><code><bdi>{v}</bdi></code></dd></div>)}</dl>
    <p class="note">Sessions and users are pseudonyms: the same that a redaction with this key writes into your telemetry.</p></section>;
}

function Body({ d }: { d: Detail }) {
  const back = d.state === 'retracted';
  return <>
    {d.doubt && <p class="doubt">{d.doubt}</p>}
    {d.timeline ? <Picture d={d} /> : <p class="doubt">{d.no_timeline}</p>}
    <div class="two">
      <section><h3>{back ? 'Why it was thought to be one' : 'Why'}</h3><ol class="why">
        {d.why.map((w, i) => <li key={i} class={w.kind}><span class="sign" aria-hidden="true">{stepMarks[w.kind]}</span><time dateTime={w.at} title={local(instant(w.at))}>{utc(instant(w.at), 3)}</time> <bdi>{w.text}</bdi></li>)}
      </ol></section>
      {d.clears && <div><section><h3>What would clear it</h3><p>{d.clears}</p></section><Common d={d} /></div>}
    </div>
    {d.links.length > 0 && <p class="links">{d.links.map((l) => <a key={l.name} href={l.url} rel="noreferrer noopener" target="_blank">{l.name} ↗</a>)}</p>}
  </>;
}

// Strip says that this is a recording, and leads through its findings.
function Strip({ d }: { d: Detail }) {
  if (!d.replay) return null;
  return <p class="strip">This is recorded telemetry, not your own. {d.next && <a href={hrefOf('f/' + d.next)}>next story ({d.position} of {d.of})</a>} {' '}<a href="#/">all findings</a></p>;
}

export function FindingView({ id }: { id: string }) {
  const detail = useSignal<Detail | null>(null), problem = useSignal(''), gone = useSignal(false);
  const newest = useComputed(() => findings.value.get(route.value.id));
  const heading = useRef<HTMLHeadingElement>(null), asked = useRef(0);
  useSignalEffect(() => {
    const wanted = route.value.id;
    void newest.value?.sequence; // asked again when it is decided anew
    if (!wanted) return;
    const turn = ++asked.current;
    get<Detail>('findings/' + wanted).then((d) => {
      if (turn !== asked.current) return;
      detail.value = d; problem.value = ''; gone.value = false;
    }, (err) => {
      if (turn !== asked.current) return;
      gone.value = err.status === 404;
      problem.value = err.status ? err.message : 'The collector does not answer.';
      if (detail.peek()?.id !== wanted) detail.value = null;
    });
  });
  const d = detail.value?.id === id ? detail.value : null, f: Shown | undefined = d ?? newest.value;
  const there = !!f;
  useEffect(() => { // who came here by a link within the page hears what it is; who opened it reads it
    if (there && navigated.value) heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [id, there]);
  if (!f) {
    return <article><h2 ref={heading} tabIndex={-1}>{problem.value ? 'This finding is not here' : 'Loading'}</h2>
      {problem.value && <p>{problem.value}</p>}<p><a href={hrefOf('')}>All findings</a></p></article>;
  }
  return <article class={f.state} aria-labelledby="headline">
    {d && <Strip d={d} />}
    <p class="back"><a href={hrefOf('')}>← all findings</a></p>
    <h2 id="headline" ref={heading} tabIndex={-1}><bdi>{f.headline}</bdi></h2>
    <p class="verdict"><span class={'chip ' + f.state}>{f.state}</span> {f.background && <span class="chip">background work</span>} <bdi>{f.sentence}</bdi></p>
    {d ? <Body d={d} /> : <p class="doubt">{gone.value ? 'Its requests are no longer held: ' + problem.value + '.' : problem.value || 'Loading its timeline.'}</p>}
    <Facts d={f} />
    <p class="copy">{d && <><Copy text={() => location.href} what="link" /> <Copy text={() => asMarkdown(d)} what="Markdown" /> <Copy text={() => JSON.stringify(d, null, 1)} what="JSON" /></>}</p>
  </article>;
}

