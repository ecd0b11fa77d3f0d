// What takes minutes: a busy stream, a quiet one, and a collector that is stopped and started again.
import assert from 'node:assert/strict';
import { axe, base, browser, id, open, percentile, row, shot, tell } from './browser.mjs';

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

// 10,000 services are no more than a page can show.
{
  await tell('/services?n=10000');
  const page = await open('/#/services');
  await page.locator('tbody tr').first().waitFor();
  const answer = await (await fetch(base + '/api/v1/services')).text();
  assert.ok(answer.length < 2_000_000, `${answer.length} bytes`);
  assert.match(await page.locator('main').innerText(), /9000 more are not listed/);
  assert.deepEqual(page.faults, []);
  await page.context().close();
}

// A quiet stream stays open for longer than any timeout.
{
  const page = await open('/');
  await page.locator('nav.findings li').first().waitFor();
  const streams = [];
  page.on('request', (r) => { if (r.url().endsWith('/events')) streams.push(r.url()); });
  await page.waitForTimeout(90_000);
  assert.deepEqual(streams, [], 'it was opened again');
  assert.equal(await page.locator('.live [role=status]').innerText(), 'live');
  await page.context().close();
}

// The collector is stopped with three pages open, and comes back: what is shown stays and says since
// when, nothing is there twice, nobody reloads.
{
  await tell('/reset');
  const pages = [await open('/'), await open('/'), await open('/#/f/' + id(0xa1))];
  await row(pages[0], id(0xa1)).waitFor();
  await pages[2].locator('svg.timeline').first().waitFor();
  for (const p of pages) await p.evaluate(() => { globalThis.notReloaded = true; });
  const began = Date.now();
  await tell('/stop');
  const took = Date.now() - began;
  console.log(`the collector stopped within ${took} ms`);
  assert.ok(took < 2000);
  await pages[0].getByText('No connection to the collector since').waitFor();
  await pages[0].getByText('reconnecting').waitFor();
  assert.equal(await row(pages[0], id(0xa1)).count(), 1, 'what is shown stays');
  await axe(pages[0], 'without a collector');
  await shot(pages[0], 'reconnecting');
  await tell('/start');
  for (const p of pages) await p.locator('.live [role=status]').filter({ hasText: 'live' }).waitFor({ timeout: 60_000 });
  await tell('/fresh?id=a1');
  await pages[0].waitForFunction((id) => !document.querySelector(`nav.findings li[data-id="${id}"]`).innerText.includes('restarted'), id(0xa1));
  assert.equal(await row(pages[0], id(0xa1)).count(), 1, 'nothing is doubled');
  assert.match(await pages[0].locator(`nav.findings li[data-id="${id(0xa2)}"]`).innerText(), /before the collector was restarted/);
  await row(pages[0], id(0xa2)).click();
  await pages[0].getByText('Its requests are no longer held').waitFor();
  for (const p of pages) assert.equal(await p.evaluate(() => globalThis.notReloaded), true);
}

// Nothing has come yet: what to do is said, and there is no violation in that view, either.
{
  await tell('/empty');
  const page = await open('/');
  await page.getByText('Nothing has been received yet.').waitFor();
  await page.getByText('What to do next').waitFor();
  await axe(page, 'empty');
  await shot(page, 'empty');
}
await browser.close();
