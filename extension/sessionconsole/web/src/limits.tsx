import type { Policy } from './api';
import { Ready } from './ready';
import { useAsked } from './services';
import { dropped, state } from './store';
import { date, instant, number, utc } from './text';

const Sentences = ({ title, all, none }: { title: string; all: string[]; none: string }) => <section><h3>{title}</h3>
  {all.length ? <ul>{all.map((s, i) => <li key={i}><bdi>{s}</bdi></li>)}</ul> : <p>{none}</p>}</section>;

export function Limits() {
  const s = state.value, policies = useAsked<{ policies: Policy[] }>('policies')?.policies ?? [], several = (s?.engines.length ?? 0) > 1;
  const lost = [...(s?.lost ?? []), ...(dropped.value ? [`findings that gave way before this page could be sent them: ${number(dropped.value)}.`] : [])];
  return <article><h2 tabIndex={-1}>Limits</h2>
    {s && s.engines.length > 0 && <Ready ready={s.ready} />}
    {policies.map((p) => <section key={p.engine + p.name}><h3>Policy <bdi>{p.name || '(no name)'}</bdi>{several && <small> of {p.engine}{p.replay ? ', which reads a recording' : ''}</small>}</h3>
      <ul>{p.sentences.map((x, i) => <li key={i}><bdi>{x}</bdi></li>)}</ul></section>)}
    {s && <>
      <Sentences title="What is not watched" all={s.not_watched} none="Everything that came names a session." />
      <Sentences title="Blind" all={s.blind} none="No time is known whose telemetry is lost." />
      <Sentences title="Evidence that was lost or refused" all={lost} none="None." />
      <section><h3>This collector</h3><dl>
        <div><dt>version</dt><dd>{s.version || 'unknown'}</dd></div>
        <div><dt>watching since</dt><dd>{date(instant(s.started))} {utc(instant(s.started))} UTC</dd></div>
        <div><dt>findings held</dt><dd>{number(s.history.held)} of {number(s.history.ever)}, at most {number(s.history.limit)}, in memory alone</dd></div>
        {s.engines.map((e) => <div key={e.id}><dt><bdi>{e.id}</bdi></dt><dd>{e.running ? `${number(e.sessions)} sessions of at most ${number(e.max_sessions)}, ${number(e.pending)} suspicions wait` : 'has stopped'};
          ids are looked for in {e.sources.join(', ')}; pseudonyms are made with key <code>{e.key_id}</code>{e.stored ? '; kept in a storage' : ''}</dd></div>)}
      </dl></section>
    </>}
  </article>;
}
