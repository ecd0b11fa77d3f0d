import { useSignal } from '@preact/signals';
import { Component } from 'preact';
import { useRef } from 'preact/hooks';
import { fitting, findings, hrefOf, paused, route, services, type Shown, state } from './store';
import { cut, duration, instant, name, number, plural, rules, when } from './text';

// mostRows are drawn at first, and so many more each time somebody asks for them.
const mostRows = 50;

// Row is not drawn anew where it is as it was: 100 findings a second come to a list of 200.
// Its filter is in its link.
class Row extends Component<{ f: Shown; here: boolean; filter: string }> {
  shouldComponentUpdate(next: Row['props']) { return next.f !== this.props.f || next.here !== this.props.here || next.filter !== this.props.filter; }

  render({ f, here }: Row['props']) {
    const what = [f.method, f.route].filter(Boolean).join(' ');
    return <li class={f.state} data-id={f.id}><a href={hrefOf('f/' + f.id)} aria-current={here ? 'true' : undefined}>
      <span class="line"><b><bdi>{cut(name(f.service), 40)}</bdi></b> <span class="rule">{f.state !== 'confirmed' ? f.state + ' · ' : f.severity === 'critical' ? 'critical · ' : ''}{rules[f.type] ?? f.type}</span>
        <span class="over">+{duration(f.overrun)}</span></span>
      <span class="line small"><span class="what"><bdi>{cut(what || 'a request', 60)}</bdi></span>{f.requests > 1 && <span>× {number(f.requests)}</span>}
        <span class="id">{f.session.slice(0, 8)} · {when(instant(f.at))}</span></span>
      {f.stale && <span class="line small">from before the collector was restarted</span>}
    </a></li>;
  }
}

function Pick({ of, all, label }: { of: string; all: string[]; label: (s: string) => string }) {
  const now = route.value.filter[of] ?? '';
  const pick = (value: string) => { location.hash = hrefOf(route.value.id ? 'f/' + route.value.id : '', { ...route.value.filter, [of]: value }); };
  return <label>{of} <select value={now} onChange={(e) => pick(e.currentTarget.value)}>
    <option value="">all</option>{[...new Set([...all, ...(now ? [now] : [])])].map((x) => <option key={x} value={x}>{cut(label(x), 40)}</option>)}
  </select></label>;
}

function Filters() {
  const q = route.value.filter.q ?? '';
  const type = (value: string) => history.replaceState(null, '', hrefOf(route.value.id ? 'f/' + route.value.id : '', { ...route.value.filter, q: value }));
  return <div class="filters" role="search">
    <label class="wide">search <input id="search" type="search" value={q} placeholder="session, user, route, trace" onInput={(e) => { type(e.currentTarget.value); dispatchEvent(new Event('hashchange')); }} /></label>
    <Pick of="service" all={services.value} label={name} />
    <Pick of="type" all={Object.keys(rules)} label={(x) => rules[x] ?? x} />
    <Pick of="state" all={['confirmed', 'inconclusive', 'retracted']} label={(x) => x} />
  </div>;
}

// List is in order as long as nobody is in it: no row moves away from under a finger. What came
// meanwhile waits for a button.
export function List() {
  const busy = useSignal(false), box = useRef<HTMLElement>(null), kept = useRef<string[]>([]), drawn = useSignal(mostRows), filter = JSON.stringify(route.value.filter), last = useRef('');
  let rows = fitting.value;
  if (busy.value && last.current === filter) {
    const all = findings.value;
    rows = kept.current.map((id) => all.get(id)).filter((f): f is Shown => !!f);
  }
  const fresh = fitting.value.length - rows.length;
  kept.current = rows.map((f) => f.id);
  last.current = filter;
  const leave = () => { busy.value = !!box.current?.querySelector('ul')?.matches(':hover, :focus-within'); };
  const h = state.value?.history, n = rows.length;
  return <nav ref={box} aria-label="Findings" class="findings">
    <Filters />
    <p class="count" role="status">{plural(fitting.value.length, 'finding')}{h && h.ever > h.held ? `: the newest ${number(h.held)} of ${number(h.ever)} are held` : ''}</p>
    {fresh > 0 && !paused.value && <button type="button" class="fresh" onClick={() => { busy.value = false; }}>{fresh} new</button>}
    <ul onPointerEnter={() => { busy.value = true; }} onPointerLeave={leave} onFocusIn={() => { busy.value = true; }} onFocusOut={() => setTimeout(leave)}>
      {rows.slice(0, drawn.value).map((f) => <Row key={f.id} f={f} here={route.value.id === f.id} filter={filter} />)}
    </ul>
    {n > drawn.value && <p class="more"><button type="button" onClick={() => { drawn.value *= 2; }}>{number(Math.min(drawn.value, n - drawn.value))} more</button> of {number(n - drawn.value)}</p>}
  </nav>;
}
