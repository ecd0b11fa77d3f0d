import { render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { FindingView } from './finding';
import { Home } from './home';
import { keys, listenToKeys } from './keys';
import { Limits } from './limits';
import { List } from './list';
import { toMend } from './ready';
import { Services } from './services';
import { hrefOf, link, listen, lostSince, pause, paused, route, state, waiting } from './store';
import { number, utc } from './text';

function Live() {
  const now = link.value, text = now === 'live' && paused.value ? `paused${waiting.value ? `, ${number(waiting.value)} new` : ''}` : now;
  return <p class="live"><span role="status" class={'dot ' + (paused.value ? 'paused' : now)}>{text}</span>
    <button type="button" aria-pressed={paused.value} onClick={() => pause(!paused.value)}>Pause</button></p>;
}

// Lost says that what is shown is of then.
const Lost = () => lostSince.value ? <p class="lost" role="alert">No connection to the collector since {utc(lostSince.value)} UTC. What is shown is as of then; it goes on by itself.</p> : null;

function Header() {
  const s = state.value, view = route.value.view, mend = s ? toMend(s.ready) : '';
  const tab = (path: string, text: string, here: boolean) => <a href={hrefOf(path)} aria-current={here ? 'page' : undefined}>{text}</a>;
  return <header class={'mood-' + (s?.mood ?? 'none')}>
    <div class="bar"><h1>Sessions</h1>
      <nav aria-label="Views">{tab('', 'Findings', view === 'findings' || view === 'finding')}{tab('services', 'Services', view === 'services')}{tab('limits', 'Limits', view === 'limits')}</nav><Live /></div>
    {s && <p class="sentence"><b><bdi>{s.sentence}</bdi></b> <bdi>{s.detail?.replaceAll(' %', '\u00a0%')}</bdi> {s.not_watched.length > 0 && view !== 'limits' && <a href={hrefOf('limits')}>What is not watched</a>} {mend && view !== 'limits' && <a href={hrefOf('limits')}>{mend}</a>}</p>}
    <Lost />
  </header>;
}

function App() {
  const help = useRef<HTMLDialogElement>(null), r = route.value, first = useRef(true);
  useEffect(() => listenToKeys(() => help.current?.showModal()), []);
  useEffect(() => {
    if (!first.current && (r.view === 'services' || r.view === 'limits')) document.querySelector<HTMLElement>('main h2')?.focus();
    first.current = false;
  }, [r.view]);
  const listed = r.view === 'findings' || r.view === 'finding';
  return <>
    <Header />
    <div class={'page ' + r.view}>
      <main>{r.view === 'finding' ? <FindingView id={r.id} /> : r.view === 'services' ? <Services /> : r.view === 'limits' ? <Limits /> : <Home />}</main>
      {listed && <List />}
    </div>
    <footer><button type="button" onClick={() => help.current?.showModal()}>Keys <kbd>?</kbd></button></footer>
    <dialog ref={help} aria-labelledby="keys"><h2 id="keys">Keys</h2><dl>{keys.map(([k, what]) => <div key={k}><dt><kbd>{k}</kbd></dt><dd>{what}</dd></div>)}</dl>
      <form method="dialog"><button>Close</button></form></dialog>
  </>;
}

render(<App />, document.getElementById('app')!);
// The page is there before it asks for anything. One that nobody sees is not painted.
if (document.hidden) listen();
else requestAnimationFrame(() => setTimeout(listen));
