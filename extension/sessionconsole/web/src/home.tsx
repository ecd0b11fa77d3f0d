import { useMemo } from 'preact/hooks';
import type { Service } from './api';
import { Copy } from './copy';
import { Group } from './ready';
import { ServiceTable, useAsked } from './services';
import { some, state } from './store';

// example makes a finding of three spans: a login's session, used, and used again after an hour.
const example = () => {
  const now = Date.now(), ns = (minutes: number) => String(Math.round(now - minutes * 60000)) + '000000';
  const span = (id: number, minutes: number) => `{"traceId":"0000000000000000000000000000000${id}","spanId":"000000000000000${id}","name":"GET /orders","kind":2,"startTimeUnixNano":"${ns(minutes)}","endTimeUnixNano":"${ns(minutes - 0.001)}","attributes":[{"key":"session.id","value":{"stringValue":"try-it"}},{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"http.route","value":{"stringValue":"/orders"}},{"key":"http.response.status_code","value":{"intValue":"200"}}]}`;
  return `curl -s -H 'Content-Type: application/json' http://localhost:4318/v1/traces -d '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"try-it"}}]},"scopeSpans":[{"spans":[${span(1, 65)},${span(2, 64)},${span(3, 1)}]}]}]}'`;
};

function Empty() {
  const text = useMemo(example, []);
  return <section class="empty"><h3>What to do next</h3>
    <ol>
      <li>Send traces over OTLP to the addresses of this collector's <code>otlp</code> receiver: by default <code>localhost:4317</code> (gRPC) and <code>localhost:4318</code> (HTTP).</li>
      <li>Each request needs the session's id, by default in the attribute <code>session.id</code>.</li>
      <li>To see a finding, send three spans of one session, the last of them after an hour of silence. With the default configuration it is confirmed after five minutes, in which evidence may still clear it:
        <pre tabIndex={0}><code>{text}</code></pre><Copy text={() => text} what="command" /></li>
      <li>Or see a recording: <code>otelcol-session demo</code>, or <code>make run</code> in the repository.</li>
    </ol></section>;
}

export function Home() {
  const answer = useAsked<{ services: Service[] }>('services'), all = answer?.services ?? [], mood = state.value?.mood, nothing = state.value?.ready.find((g) => g.group === 'nothing');
  return <article><h2 tabIndex={-1} class={all.length ? undefined : 'hidden'}>Services</h2>
    {all.length > 0 && <ServiceTable all={all.slice(0, 8)} policies={new Set(all.map((s) => s.engine + s.policy)).size > 1} />}
    {all.length > 8 && <p><a href="#/services">All {all.length} services</a></p>}
    {mood === 'blind' && nothing && <Group g={nothing} />}
    {mood === 'empty' && !all.length && <Empty />}
    {mood === 'none' && <p class="empty">Findings come from a processor of the type <code>session_timeout</code>. See its README for a configuration.</p>}
    {mood === 'good' && !some.value && <p class="empty">No finding. That is what should stand here: what was judged kept to its limits. <a href="#/limits">What is not watched</a></p>}
    {some.value && <p class="note">Choose a finding to see why it is one.</p>}
  </article>;
}
