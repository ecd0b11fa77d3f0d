// What make test asks of the page, in a few seconds.
import assert from 'node:assert/strict';
import { axe, base, browser, fits, focused, id, open, row, shot, tell } from './browser.mjs';

const longIdle = id(0xa1), hostile = id(0xa9), fresh = id(0xff);

const page = await open('/');
await row(page, longIdle).waitFor();
await axe(page, 'list');
const { findings } = await (await fetch(base + '/api/v1/findings')).json();
console.log(`${page.received} bytes in all`);
assert.ok(page.received > 50_000 + JSON.stringify(findings).length, `${page.received} bytes are not all`);
assert.ok(page.received < 200_000, `${page.received} bytes`);
assert.match(await page.locator('.sentence').innerText(), /^Watching 4 services\. So far ledger and checkout served 15 requests on dead sessions; storefront refused all 10/);

// A finding appears without a reload.
await page.evaluate(() => { globalThis.notReloaded = true; });
await tell('/fresh');
await row(page, fresh).waitFor();
assert.equal(await page.evaluate(() => globalThis.notReloaded), true);

// Its timeline opens with the keyboard, and the way back leads to the row.
await page.keyboard.press('j'); // to the first, which is the worst
await focused(page, longIdle);
await page.keyboard.press('j');
await page.keyboard.press('k');
await focused(page, longIdle);
await page.keyboard.press('Enter');
await page.locator('svg.timeline:not(.overview)').waitFor();
await page.waitForFunction(() => document.activeElement.id === 'headline');
assert.equal(await page.locator('svg.timeline').count(), 2, 'a whole life, and its end');
assert.match(await page.locator('.why').innerText(), /dead: nothing happened for 30 min/);
await axe(page, 'finding');
await shot(page, 'finding-light');
await page.keyboard.press('Escape');
await focused(page, longIdle);

// What telemetry sets is text.
const title = await page.title();
await row(page, hostile).click();
await page.locator('svg.timeline').first().waitFor();
assert.match(await page.locator('#headline').innerText(), /<img src=x onerror=alert\(1\)><script>/);
assert.equal(await page.title(), title);
assert.equal(await page.locator('article img, article script, article iframe').count(), 0);
await fits(page, 'hostile');
await page.setViewportSize({ width: 375, height: 800 });
await fits(page, 'hostile at 375 px');

assert.deepEqual(page.faults, []);
assert.equal(new URL(page.url()).origin, base);
await browser.close();
