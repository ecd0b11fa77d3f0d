import { useSignal } from '@preact/signals';
import type { Detail } from './api';
import { date, instant, utc } from './text';

// Copy puts a text on the clipboard, and says so.
export function Copy({ text, what }: { text: () => string; what: string }) {
  const done = useSignal('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      done.value = 'copied';
    } catch {
      done.value = 'the browser does not allow it';
    }
    setTimeout(() => { done.value = ''; }, 2000);
  };
  return <><button type="button" onClick={copy}>Copy {what}</button> <span role="status">{done.value}</span></>;
}

// plain has nothing that Markdown takes for its own.
const plain = (s: string) => s.replace(/[\\`*_[\]<>|#]/g, '\\$&');

export function asMarkdown(d: Detail): string {
  const at = (t: string) => `${date(instant(t))} ${utc(instant(t), 3)}`;
  return [
    `**${plain(d.headline)}** (${d.state})`, '', plain(d.sentence), '',
    ...(d.doubt ? [plain(d.doubt), ''] : []),
    ...d.why.map((w) => `1. ${at(w.at)} UTC: ${plain(w.text)}`), '',
    ...(d.clears ? [`What would clear it: ${plain(d.clears)}`, ''] : []),
    `Session \`${d.session}\`${d.user ? `, user \`${d.user}\`` : ''}${d.trace_id ? `, trace \`${d.trace_id}\`` : ''}, finding \`${d.id}\`, policy ${plain(d.policy)}`, '',
    location.href, '',
  ].join('\n');
}
