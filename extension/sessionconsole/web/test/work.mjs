// What the page does for its first paint and for an update, counted: the same on a busy machine.
import assert from 'node:assert/strict';
import { base, browser, id, open, row, tell } from './browser.mjs';

// The first paint waits for nothing that the API says, and nothing is asked before it.
{
  const page = await open();
  await page.route('**/api/**', () => {}); // is never answered
  await page.addInitScript(() => {
    globalThis.early = [];
    let framed = false; // since the page is in the document
    const frame = () => { framed ||= !!document.querySelector('nav.findings'); requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
    const note = (what) => { if (!framed) globalThis.early.push(what); };
    const { fetch, EventSource } = globalThis;
    globalThis.fetch = (what) => { note(what); return fetch(what); };
    globalThis.EventSource = function (what) { note(what); return new EventSource(what); };
  });
  const asked = page.waitForRequest('**/api/v1/events');
  await page.goto(base + '/');
  await asked;
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length);
  assert.equal(await page.locator('h1').innerText(), 'Sessions');
  assert.deepEqual(await page.evaluate(() => globalThis.early), [], 'asked before there was a frame');
  await page.context().close();
}

// watch counts what changes in the page: rows that are added and removed, other changes within rows, changes of
// what is open, how often the list changes, and frames.
const watch = () => {
  const w = globalThis.work = { added: 0, removed: 0, within: 0, main: 0, times: 0, frames: 0 };
  const frame = () => { w.frames++; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  const rows = (nodes) => [...nodes].filter((n) => n.nodeName === 'LI').length;
  new MutationObserver((all) => {
    let listed = false;
    for (const m of all) {
      const at = m.target.nodeType === Node.TEXT_NODE ? m.target.parentElement : m.target;
      if (at?.closest?.('main')) w.main++;
      if (!at?.closest?.('nav.findings ul')) continue;
      listed = true;
      const added = rows(m.addedNodes), removed = rows(m.removedNodes);
      w.added += added;
      w.removed += removed;
      if (!added && !removed) w.within++;
    }
    if (listed) w.times++;
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
};
const work = (page) => page.evaluate(() => ({ ...globalThis.work }));
const fresh = (page, n) => page.waitForFunction((n) => document.querySelector('nav.findings .count').innerText.startsWith(n), n);

// Of nearly 1,000 findings so many are drawn as there is room for, each once, and the rest when asked for.
await tell('/fill?n=900');
const page = await open();
await page.addInitScript(watch);
await page.goto(base + '/');
await fresh(page, '911');
const loaded = await work(page), elements = await page.locator('*').count();
console.log(`911 findings: ${JSON.stringify(loaded)}, ${elements} elements`);
assert.equal(loaded.added, 50, 'rows that were ever made');
assert.equal(loaded.times, 1, 'how often the list was drawn');
assert.ok(elements < 1200, `${elements} elements`);
await page.getByRole('button', { name: '50 more' }).click();
await page.waitForFunction(() => document.querySelectorAll('nav.findings li').length === 100);
await page.mouse.move(900, 700); // no row moves away from under it

// One finding more is one row more, and one less at the end; nothing else is touched.
let before = await work(page);
await tell('/fresh?id=fc&severity=critical');
await row(page, id(0xfc)).waitFor();
let now = await work(page);
console.log(`an update: ${JSON.stringify(now)}`);
assert.deepEqual([now.added - before.added, now.removed - before.removed, now.within - before.within], [1, 1, 0]);

// However many come, the list is drawn once a frame at most, and what is open is left alone.
await row(page, id(0xa1)).click();
await page.locator('svg.timeline').first().waitFor();
await page.mouse.move(900, 700);
await page.waitForTimeout(500); // until the list is nobody's any more
before = await work(page);
await tell('/burst?n=80');
await fresh(page, '992');
now = await work(page);
console.log(`80 at once: ${JSON.stringify(now)}`);
assert.ok(now.times - before.times <= now.frames - before.frames, 'once a frame');
assert.ok(now.times - before.times <= 10, `${now.times - before.times} times`);
assert.equal(now.main, before.main, 'what is open');

assert.deepEqual(page.faults, []);

// What gave way is said. What is open stays.
await tell('/burst?n=300');
await page.getByText('1,000 findings: the newest 1,000 of 1,212 are held').waitFor();
assert.ok(await page.locator('svg.timeline').count() > 0);
await browser.close();
