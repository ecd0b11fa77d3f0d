import type { Readiness } from './api';
import { state } from './store';
import { plural } from './text';

// toMend is how much there is to mend, in words.
export function toMend(ready: Readiness[]): string {
  const n = ready.reduce((sum, g) => sum + g.advice.length + (g.more ?? 0), 0);
  return n ? plural(n, 'thing') + ' to mend' : '';
}

// Group is what keeps findings from being found, from being true or from being all.
export function Group({ g }: { g: Readiness }) {
  const several = (state.value?.engines.length ?? 0) > 1;
  return <div class={'ready ' + g.group}><p><b>{g.title}</b></p>
    <ul>{g.advice.map((a, i) => <li key={i}><bdi>{a.sentence.split('`').map((part, j) => (j % 2 ? <code key={j}>{part}</code> : part))}</bdi>{several && <small> ({a.engine})</small>}</li>)}{g.more ? <li>{g.more} more.</li> : null}</ul></div>;
}

export function Ready({ ready }: { ready: Readiness[] }) {
  return <section><h3>Ready</h3>
    {ready.length ? ready.map((g) => <Group key={g.group} g={g} />) : <p>Nothing keeps findings from being found, from being true or from being all.</p>}
    <p class="note">Kinds, services and numbers, never a value. The command <code>otelcol-session ready</code> says the same.</p></section>;
}
