// Meaning is shape and position first, colour last: the same shapes stand in the legend.
export const kinds: Record<string, string> = {
  late: 'served too late', served: 'served in time', refused: 'refused', undecidable: 'undecidable', exempt: 'not judged',
};

export function Mark({ kind, inactive, x, y }: { kind: string; inactive?: boolean; x: number; y: number }) {
  const c = 'mark ' + kind;
  if (kind === 'late') return <path class={c} d={`M${x} ${y - 8}l8 8l-8 8l-8 -8z`} />;
  if (kind === 'refused') return <g class={c}><circle cx={x} cy={y} r="6" /><path d={`M${x - 4.2} ${y + 4.2}l8.4 -8.4`} /></g>;
  if (kind === 'undecidable') return <rect class={c} x={x - 4.5} y={y - 4.5} width="9" height="9" />;
  if (kind === 'exempt' || inactive) return <path class={'mark tick'} d={`M${x} ${y - 6}v12`} />;
  return <circle class={c} cx={x} cy={y} r="5" />;
}

// Legend has what a picture has. How dead the session is, is the state's: confirmed, inconclusive or retracted.
export function Legend({ used, state }: { used: Set<string>; state: string }) {
  const sure = state === 'confirmed', cleared = state === 'retracted';
  return <ul class="legend">
    {Object.entries(kinds).filter(([k]) => used.has(k)).map(([k, text]) => (
      <li key={k}><svg width="18" height="18" aria-hidden="true"><Mark kind={k} x={9} y={9} /></svg> {text}</li>
    ))}
    <li><svg width="18" height="18" aria-hidden="true">{sure ? <><rect class="dead" width="18" height="18" /><path class="stripe" d="M0 18L18 0M-5 9L9 -5M9 23L23 9" /></> : <g class={cleared ? 'cleared' : undefined}><rect class="dead unsure" x="1" y="1" width="16" height="16" /></g>}</svg> session {sure ? 'is' : cleared ? 'was thought' : 'seems'} dead</li>
    {used.has('blind') && <li><svg width="18" height="18" aria-hidden="true"><rect class="blind" width="18" height="18" /></svg> blind: telemetry may be lost</li>}
    {used.has('not held') && <li><svg width="18" height="18" aria-hidden="true"><path class="rail unheld" d="M0 9H18" /></svg> single requests are not held</li>}
  </ul>;
}
