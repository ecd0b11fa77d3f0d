// What the tests of the page share: Debian's Chromium at a console, and how it is watched.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const [base, control, artefacts] = process.argv.slice(2);
const axeSource = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // The test has no other business than this machine's, and a container no namespaces of its own.
  args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'],
});

// open opens a page and holds against it whatever it should not do: an error, a dialog, a request to
// elsewhere, a violation of its policy. Without a path it opens nothing yet.
export async function open(path = '/', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000); // it says that something hangs, not how long it may take
  page.faults = [];
  page.received = 0; // bytes, streams included
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') page.faults.push(m.text()); });
  page.on('pageerror', (e) => page.faults.push(e.message));
  page.on('dialog', (d) => { page.faults.push('dialog: ' + d.message()); d.dismiss(); });
  page.on('request', (r) => { if (!r.url().startsWith(base + '/') && !r.url().startsWith('data:')) page.faults.push('asked ' + r.url()); });
  page.cdp = await context.newCDPSession(page);
  page.cdp.on('Network.dataReceived', (d) => { page.received += d.dataLength; });
  await page.cdp.send('Network.enable');
  if (path) await page.goto(base + path);
  return page;
}

export const row = (page, id) => page.locator(`nav.findings li[data-id="${id}"] > a`);

// focused waits until a row has the focus.
export const focused = (page, id) => page.waitForFunction((id) => document.activeElement?.closest('li')?.dataset.id === id, id);

// axe finds no violation.
export async function axe(page, what) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(' ')}`), [], 'axe: ' + what);
}

// fits: nothing is wider than the window.
export async function fits(page, what) {
  await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth, null, { timeout: 30_000 })
    .catch(() => assert.fail(`${what}: wider than the window`));
}

export async function shot(page, name) {
  if (!artefacts) return;
  mkdirSync(artefacts, { recursive: true });
  await page.screenshot({ path: `${artefacts}/${name}.png` });
}

// tell lets the test behind the console do something.
export async function tell(what) {
  const response = await fetch(control + what);
  assert.equal(response.status, 200, await response.text());
}

// used is the CPU time that the page's own thread has used so far for scripts, styles and layout, and in all,
// in ms. It is the same whatever else the machine does.
export async function used(page) {
  if (!page.counts) await page.cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  page.counts = true;
  const { metrics } = await page.cdp.send('Performance.getMetrics');
  const ms = (name) => metrics.find((m) => m.name === name).value * 1000;
  return { script: ms('ScriptDuration'), style: ms('RecalcStyleDuration'), layout: ms('LayoutDuration'), all: ms('TaskDuration') };
}

export const id = (n) => n.toString(16).padStart(16, '0');
export const percentile = (all, p) => [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * p))];
