// What takes minutes: many services, a quiet stream, and a collector that is stopped and started again.
import assert from 'node:assert/strict';
import { axe, base, browser, id, open, row, shot, tell } from './browser.mjs';

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
  const sent = JSON.parse(/-d '(.*)'$/.exec(await page.locator('pre').innerText())[1]).resourceSpans[0].scopeSpans[0].spans;
  assert.deepEqual(sent.map((s) => Math.round((Date.now() - Number(s.startTimeUnixNano) / 1e6) / 60000)), [65, 64, 1], 'three requests, the last after an hour');
  await axe(page, 'empty');
  await shot(page, 'empty');
}
await browser.close();
