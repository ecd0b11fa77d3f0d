// What needs the machine for itself: how soon the page is there, and how soon a finding is in it.
import assert from 'node:assert/strict';
import { base, browser, open, percentile, tell, used } from './browser.mjs';

// 1,000 findings are held, and 100 a second come for a minute. The newest is the first row, and its
// id says when it was sent.
{
  await tell('/fill?n=1000');
  const firstPaints = [], works = [];
  for (let i = 0; i < 5; i++) {
    const page = await open();
    await used(page); // it counts from here
    await page.waitForTimeout(500); // a new window has work of its own
    await page.goto(base + '/');
    await page.locator('nav.findings li').first().waitFor();
    works.push(await used(page));
    firstPaints.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
    await page.context().close();
  }
  const page = await open('/');
  await page.locator('nav.findings li').first().waitFor();
  await page.evaluate(() => {
    globalThis.lags = [];
    let last = '';
    new MutationObserver(() => {
      const first = document.querySelector('nav.findings li')?.dataset.id;
      if (!first || first === last) return;
      last = first;
      requestAnimationFrame(() => setTimeout(() => globalThis.lags.push(Date.now() - parseInt(first, 16))));
    }).observe(document.querySelector('nav.findings'), { subtree: true, childList: true, attributes: true });
  });
  const { cdp } = page;
  const heap = async () => { await cdp.send('HeapProfiler.collectGarbage'); return (await cdp.send('Runtime.getHeapUsage')).usedSize; };
  await tell('/flood?seconds=10&rate=100');
  const early = await heap(), before = await used(page), from = (await page.evaluate(() => globalThis.lags)).length;
  for (let minute = 0; minute < Number(process.env.SESSION_MINUTES ?? 1); minute++) await tell('/flood?seconds=50&rate=100');
  const after = await used(page), late = await heap(), lags = (await page.evaluate(() => globalThis.lags)).slice(5);
  console.log(`first contentful paint ${firstPaints.map(Math.round)} ms; ${lags.length} updates, p50 ${percentile(lags, 0.5)} ms, p99 ${percentile(lags, 0.99)} ms; heap ${(early / 1e6).toFixed(1)} MB, then ${(late / 1e6).toFixed(1)} MB`);
  // CPU time is what the machine's other work changes least.
  const updates = lags.length + 5 - from, per = (name) => (after[name] - before[name]) / updates;
  const middle = (name) => percentile(works.map((w) => w[name]), 0.5);
  console.log(`CPU time until 1,000 findings are shown: scripts ${middle('script').toFixed(0)} ms, styles ${middle('style').toFixed(0)} ms, layout ${middle('layout').toFixed(0)} ms, in all ${middle('all').toFixed(0)} ms`);
  console.log(`CPU time of an update: scripts ${per('script').toFixed(2)} ms, styles ${per('style').toFixed(2)} ms, layout ${per('layout').toFixed(2)} ms, in all ${per('all').toFixed(2)} ms`);
  assert.ok(per('script') < 4, 'scripts of an update');
  assert.ok(per('all') < 14, 'an update in all fits into a frame');
  assert.ok(lags.length > 1000, 'the page goes with the stream');
  assert.ok(Math.max(...firstPaints.slice(1)) < 300, 'first paint');
  assert.ok(percentile(lags, 0.99) < 100, 'an update');
  assert.ok(late < 1.5 * early, 'the heap does not grow');
  assert.deepEqual(page.faults, []);
  await page.context().close();
}
await browser.close();
