// The built collector is stopped under three pages and started again, with what its storage has kept.
import assert from 'node:assert/strict';
import { base, browser, open, row, shot, tell } from './browser.mjs';

const ids = async () => (await (await fetch(base + '/api/v1/findings')).json()).findings.map((f) => f.id);
const listed = (page) => page.locator('nav.findings li').evaluateAll((all) => all.map((li) => li.dataset.id));

const watcher = await open('/');
await tell('/serve?session=first');
await watcher.locator('nav.findings li').first().waitFor();
await tell('/serve?session=second');
await watcher.waitForFunction(() => document.querySelectorAll('nav.findings li').length === 2);
const [second, first] = await ids();
const reader = await open('/#/f/' + first), pages = [watcher, reader, await open('/#/limits')];
await reader.locator('svg.timeline').first().waitFor();
for (const p of pages) await p.evaluate(() => { globalThis.notReloaded = true; });

// It stops though the pages hold streams open, and each says since when it is alone; what is shown stays.
await tell('/stop');
for (const p of pages) {
  await p.getByText('No connection to the collector since').waitFor();
  await p.getByText('reconnecting').waitFor();
}
assert.deepEqual((await listed(watcher)).sort(), [first, second].sort());
assert.equal(await reader.locator('svg.timeline:not(.overview)').count(), 1);
await shot(watcher, 'stopped');

// It comes back, and the pages with it. What is found again is where it was, once.
await tell('/start');
for (const p of pages) await p.locator('.live [role=status]').filter({ hasText: 'live' }).waitFor();
await tell('/serve?session=first&again=1');
await row(watcher, first).getByText('× 2').waitFor();
await reader.getByRole('heading', { name: 'served 2 requests' }).waitFor();
await tell('/serve?session=third');
await watcher.waitForFunction(() => document.querySelectorAll('nav.findings li').length === 3);
const now = await listed(watcher);
assert.equal(new Set(now).size, 3, 'nothing is doubled: ' + now);
assert.ok(now.includes(first) && now.includes(second));
assert.doesNotMatch(await row(watcher, first).innerText(), /restarted/);
assert.match(await row(watcher, second).innerText(), /from before the collector was restarted/, 'what this run has not found');
for (const p of pages) {
  assert.equal(await p.getByText('No connection').count(), 0);
  assert.equal(await p.evaluate(() => globalThis.notReloaded), true, 'nobody reloaded');
}
await browser.close();
