// What needs the machine for itself: how soon the page is there, and how soon a finding is in it.
import assert from 'node:assert/strict';
import { browser, open, percentile, tell } from './browser.mjs';

// 1,000 findings are held, and 100 a second come for a minute. The newest is the first row, and its
// id says when it was sent.
{
  await tell('/fill?n=1000');
  const firstPaints = [];
  for (let i = 0; i < 5; i++) {
    const page = await open('/');
    await page.locator('nav.findings li').first().waitFor();
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
  const cdp = await page.context().newCDPSession(page);
  const heap = async () => { await cdp.send('HeapProfiler.collectGarbage'); return (await cdp.send('Runtime.getHeapUsage')).usedSize; };
  await tell('/flood?seconds=10&rate=100');
  const early = await heap();
  await tell('/flood?seconds=50&rate=100');
  const late = await heap(), lags = (await page.evaluate(() => globalThis.lags)).slice(5);
  console.log(`first contentful paint ${firstPaints.map(Math.round)} ms; ${lags.length} updates, p50 ${percentile(lags, 0.5)} ms, p99 ${percentile(lags, 0.99)} ms; heap ${(early / 1e6).toFixed(1)} MB, then ${(late / 1e6).toFixed(1)} MB`);
  assert.ok(lags.length > 1000, 'the page goes with the stream');
  assert.ok(Math.max(...firstPaints.slice(1)) < 300, 'first paint');
  assert.ok(percentile(lags, 0.99) < 100, 'an update');
  assert.ok(late < 1.5 * early, 'the heap does not grow');
  assert.deepEqual(page.faults, []);
  await page.context().close();
}
await browser.close();
