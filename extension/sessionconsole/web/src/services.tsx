import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, type Service } from './api';
import { link, state } from './store';
import { cut, duration, name, number, rules } from './text';

// useAsked asks the API now and every few seconds while the page is seen. What was answered last
// stays where nothing answers.
export function useAsked<T>(path: string): T | null {
  const answer = useSignal<T | null>(null);
  useEffect(() => {
    const ask = () => { if (!document.hidden) get<T>(path).then((a) => { answer.value = a; }, () => {}); };
    ask();
    const timer = setInterval(ask, 5000);
    return () => clearInterval(timer);
  }, [path, link.value]);
  return answer.value;
}

const percent = (x: number) => (x > 0.99 && x < 1 ? (x * 100).toFixed(1) : Math.round(x * 100)) + ' %';

// Rate is drawn with its interval: "0 of 14" says more than "0 %".
function Rate({ s }: { s: Service }) {
  const e = s.enforcement;
  if (!e) return <span class="none">no request came on a dead session</span>;
  const w = 120, x = (v: number) => 1 + v * (w - 2);
  return <span class="rate"><svg width={w} height="14" role="img" aria-label={`between ${percent(e.low)} and ${percent(e.high)}, with 95 % confidence`}>
    <rect class="track" x="1" y="5" width={w - 2} height="4" /><rect class="interval" x={x(e.low)} y="3" width={Math.max(x(e.high) - x(e.low), 1)} height="8" />
    <rect class={e.rate < 1 ? 'point bad' : 'point'} x={Math.min(x(e.rate), w - 4) - (e.rate ? 1 : 0)} y="0" width="4" height="14" /></svg>
    <span><b class={e.rate < 1 ? 'bad' : 'ok'}>{percent(e.rate)}</b> {s.refused} of {number(e.n)} refused</span></span>;
}

// Effective says what silence a service really lets pass.
function Effective({ s }: { s: Service }) {
  if (!s.idle_timeout) return <span class="none">none declared</span>;
  const over = s.longest_served > s.idle_timeout * 1.05, early = s.shortest_refused > 0 && s.shortest_refused < s.idle_timeout * 0.9;
  return <span>{duration(s.idle_timeout)} declared
    {s.longest_served > 0 && <>, served after <b class={over ? 'bad' : undefined}>{duration(s.longest_served)}</b></>}
    {s.shortest_refused > 0 && <>, refused after <b class={early ? 'warn' : undefined}>{duration(s.shortest_refused)}</b></>}
    {over && ' (lets more pass)'}{early && ' (ends sessions early)'}</span>;
}

export function ServiceTable({ all, policies }: { all: Service[]; policies: boolean }) {
  return <table><caption class="hidden">Services, the worst first</caption>
    <thead><tr><th scope="col">service</th>{policies && <th scope="col">policy</th>}<th scope="col">enforcement</th><th scope="col">served too late</th><th scope="col">idle limit</th><th scope="col">names a session</th></tr></thead>
    <tbody>{all.map((s) => {
      const n = s.with_id + s.without_id, broken = Object.entries(s.violations).filter(([, v]) => v);
      return <tr key={s.engine + s.policy + s.service}>
        <th scope="row"><bdi>{cut(name(s.service), 40)}</bdi>{s.replay && <small> recorded</small>}</th>{policies && <td data-label="policy"><bdi>{cut(s.policy, 30)}</bdi></td>}
        <td data-label="enforcement"><Rate s={s} /></td>
        <td data-label="served too late">{broken.length ? broken.map(([k, v]) => `${rules[k] ?? k} ${number(v)}`).join(', ') : s.late ? number(s.late) : 'none seen'}</td>
        <td data-label="idle limit"><Effective s={s} /></td>
        <td data-label="names a session">{n ? `${percent(s.with_id / n)} of ${number(n)}` : <span class="none">not known</span>}</td>
      </tr>;
    })}</tbody></table>;
}

export function Services() {
  const answer = useAsked<{ services: Service[]; more?: number }>('services'), all = answer?.services ?? [];
  const several = new Set(all.map((s) => s.engine + s.policy)).size > 1;
  return <article><h2 tabIndex={-1}>Services</h2>
    <p>Of the requests that came on dead sessions, how many each service refused, since the collector began to watch{state.value?.engines.some((e) => e.stored) ? ' (over restarts)' : ''}. A refusal counts where the service names the session on it. The bar is the 95 % interval: few requests prove little.</p>
    {answer && !all.length ? <p>No service has been judged yet.</p> : <ServiceTable all={all} policies={several} />}
    {answer?.more ? <p>{answer.more} more are not listed.</p> : null}
  </article>;
}
