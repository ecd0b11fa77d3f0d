// Every view: without a violation of axe's rules, within its window, and true to its numbers.
import assert from 'node:assert/strict';
import { axe, base, browser, fits, id, open, row, shot, tell } from './browser.mjs';

const finding = (n) => `/#/f/${id(n)}`;
const instant = (text) => Date.parse(text.slice(0, 19) + 'Z') + Number('0.' + text.slice(20, -1)) * 1000;

// Eight views, and each state of a finding.
for (const [name, path, options] of [
  ['list-light', '/', { colorScheme: 'light' }],
  ['list-dark', '/', { colorScheme: 'dark' }],
  ['finding-idle-light', finding(0xa1), { colorScheme: 'light' }],
  ['finding-absolute-dark', finding(0xa2), { colorScheme: 'dark' }],
  ['finding-ended-dark', finding(0xa3), { colorScheme: 'dark' }],
  ['finding-rotated', finding(0xa4), {}],
  ['finding-revoked', finding(0xa5), {}],
  ['finding-inconclusive', finding(0xa6), {}],
  ['finding-retracted', finding(0xa7), {}],
  ['finding-unknown-start', finding(0xa8), {}],
  ['finding-hostile', finding(0xa9), {}],
  ['finding-phone', finding(0xa1), { viewport: { width: 375, height: 800 }, colorScheme: 'dark' }],
  ['list-phone', '/', { viewport: { width: 375, height: 800 } }],
  ['services-phone', '/#/services', { viewport: { width: 375, height: 800 } }],
  ['finding-forced-colors', finding(0xa1), { forcedColors: 'active' }],
  ['services', '/#/services', {}],
  ['limits-dark', '/#/limits', { colorScheme: 'dark' }],
]) {
  const page = await open(path, options);
  await page.locator(path.includes('/f/') ? 'svg.timeline:not(.overview)' : path.includes('services') ? 'tbody tr' : path.includes('limits') ? 'main h3' : 'nav.findings li').first().waitFor();
  await page.locator('.sentence').waitFor();
  await axe(page, name);
  await fits(page, name);
  await shot(page, name);
  assert.deepEqual(page.faults, [], name);
  await page.context().close();
}

// The picture's pixels are the finding's instants.
for (const n of [0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xab]) {
  const d = await (await fetch(`${base}/api/v1/findings/${id(n)}`)).json();
  for (const width of [1280, 375]) {
    const page = await open(finding(n), { viewport: { width, height: 900 } });
    await page.locator('svg.timeline:not(.overview)').waitFor();
    const pictures = await page.locator('svg.timeline').evaluateAll((all) => all.map((svg) => {
      const { from, to, left, right } = svg.dataset, box = svg.getBoundingClientRect();
      const middle = (e) => { const b = e.getBoundingClientRect(); return b.left + b.width / 2 - box.left; };
      return {
        overview: svg.classList.contains('overview'), from: +from, to: +to, left: +left, right: +right,
        expiry: middle(svg.querySelector('.expiry')), marks: [...svg.querySelectorAll('.request')].map((g) => ({ at: +g.dataset.t, n: +g.dataset.n, kind: g.dataset.kind, x: middle(g.querySelector('.mark')) })),
      };
    }));
    assert.deepEqual(await page.locator('svg.timeline text').evaluateAll((all) => all.filter((text) => {
      const b = text.getBoundingClientRect(), box = text.closest('svg').getBoundingClientRect();
      return b.width && (b.left < box.left || b.right > box.right || b.top < box.top || b.bottom > box.bottom);
    }).map((text) => text.textContent)), [], `${id(n)} at ${width}: texts that are cut off`);
    const two = d.expired_at !== undefined && ((instant(d.at) - instant(d.expired_at)) / (pictures[0].to - pictures[0].from)) * (pictures[0].right - pictures[0].left) < 40;
    assert.equal(pictures.length, two ? 2 : 1, `${id(n)} at ${width}: two scales where one cannot show it`);
    assert.equal(await page.locator('svg.timeline:not(.overview) path.clock').count(), 1, 'one clock ran out, and no other silence has a bracket');
    const clock = await page.locator('svg.timeline:not(.overview) path.clock').getAttribute('d').then((path) => path.match(/^M([\d.]+) [\d.]+H([\d.]+)/).slice(1).map(Number));
    for (const p of pictures) {
      const x = (t) => p.left + ((t - p.from) / (p.to - p.from)) * (p.right - p.left);
      assert.ok(Math.abs(p.expiry - x(instant(d.expired_at))) <= 1, `${id(n)}: expiry at ${p.expiry}, should be ${x(instant(d.expired_at))}`);
      for (const m of p.marks) assert.ok(Math.abs(m.x - x(m.at)) <= 1, `${id(n)}: a mark at ${m.x}, should be ${x(m.at)}`);
    }
    const picture = pictures.at(-1), starts = d.timeline.requests.map((r) => [instant(r.start), r.kind]);
    const toPixel = (t) => Math.min(Math.max(picture.left + ((t - picture.from) / (picture.to - picture.from)) * (picture.right - picture.left), picture.left), picture.right);
    assert.ok(Math.abs(clock[0] - toPixel(instant(d.timeline.clock_from))) <= 1 && Math.abs(clock[1] - toPixel(instant(d.expired_at))) <= 1, `${id(n)}: the clock is drawn from ${clock}`);
    const inside = starts.filter(([t]) => t >= picture.from && t <= picture.to);
    assert.equal(picture.marks.reduce((sum, m) => sum + m.n, 0), inside.length, 'every request is in a mark');
    for (const kind of ['late', 'refused', 'served', 'undecidable']) {
      assert.equal(picture.marks.filter((m) => m.kind === kind).reduce((sum, m) => sum + m.n, 0), inside.filter(([, k]) => k === kind).length, kind);
    }
    assert.equal(await page.locator('svg.timeline').first().locator('rect.blind').count(), d.timeline.blind.length, `${id(n)} at ${width}: blind times`);
    assert.equal(await page.locator('.why li').count(), d.why.length);
    assert.equal(await page.locator('.verdict').innerText().then((t) => t.includes(d.sentence)), true);
    await page.context().close();
  }
}

// What differs between findings is to be seen.
for (const [n, selector, text] of [
  [0xa5, 'svg.timeline .rail.unheld', ''], [0xa5, 'svg.timeline', 'single requests are not held before 08:02:30'], [0xa5, '.legend', 'single requests are not held'], [0xa1, '.why', 'storefront refuses it (401)'], [0xa4, 'svg.timeline', 'from another id 221e06d2'], [0xa4, 'svg.timeline', 'grace 30 s'],
  [0xa5, 'svg.timeline', 'all revoked, says storefront'], [0xa6, '.dead, .unsure .dead', ''], [0xa6, '#headline', 'may have served'], [0xa6, 'svg.timeline', 'seems dead since'], [0xa6, '.legend', 'session seems dead'], [0xa6, '.why', 'dead, as it seems: nothing happened'],
  [0xa7, 'svg.timeline', 'was thought dead since'], [0xa7, '.legend', 'session was thought dead'], [0xa7, 'h3', 'Why it was thought to be one'], [0xa6, 'rect.blind', ''],
  [0xa6, '.doubt', 'The collector crashed'], [0xa7, '#headline', 'did not serve a dead session after all'], [0xa7, '.doubt', 'a login at 08:09:00.000 came to light'],
  [0xa8, '.open', ''], [0xa8, '.why', 'it is at least so old'], [0xaa, '.doubt', 'Its requests were not copied'],
]) {
  const page = await open(finding(n));
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ state: 'attached', timeout: 10_000 }).catch((e) => { throw new Error(`${id(n)}: ${selector} "${text}": ${e.message}`); });
  await page.context().close();
}
assert.equal(await open(finding(0xa6)).then((p) => p.locator('.hatch').count()), 0, 'an inconclusive one has no hatched zone');

// Nothing names a session: what to do about it is said at once, and how much there is to mend in every view.
{
  const page = await open(finding(0xa7));
  await page.locator('.why').waitFor();
  assert.equal(await page.getByText('What would clear it').count(), 0, 'it is cleared');
  await page.getByRole('link', { name: '2 things to mend' }).click();
  await page.locator('.ready').first().waitFor();
  assert.deepEqual(await page.locator('.ready').allInnerTexts().then((all) => all.map((x) => x.replace(/\s+/g, ' '))), [
    'Findings would be false because 12 of 66 parents of spans of ledger never came: stand before samplers, or set coverage: sampled.',
    'Findings are fewer than they could be because no login was ever reported, so ages are lower bounds: send events::authenticated.',
  ]);
  await tell('/blind');
  await page.locator('nav[aria-label=Views] a').first().click();
  await page.getByText('none of 612 requests of cart names a session').waitFor();
  await page.getByText('There are attributes with names like it: app.sessionId and session_key.').waitFor();
  await axe(page, 'nothing names a session');
  await shot(page, 'blind');
  await tell('/reset');
}

// A finding that is not held any more says so; what the page knows of it stays.
{
  const page = await open('/#/f/00000000000000ee');
  await page.getByText('This finding is not here').waitFor();
  await page.locator('article a').click();
  await row(page, id(0xa1)).waitFor();
}

// Filters are in the address, and narrow the list.
{
  const page = await open('/#/?type=rotated');
  await row(page, id(0xa4)).waitFor();
  assert.equal(await page.locator('nav.findings li').count(), 1);
  await page.locator('label:has-text("type") select').selectOption('');
  await row(page, id(0xa1)).waitFor();
  await page.keyboard.press('/');
  await page.locator('#search').fill('cc1c56a2');
  await page.waitForFunction(() => document.querySelectorAll('nav.findings li').length === 1);
  assert.match(page.url(), /q=cc1c56a2/);
  assert.match(await row(page, id(0xa2)).getAttribute('href'), /q=cc1c56a2/, 'and in the links of what is left');
  await page.locator('#search').fill('09' + '0'.repeat(30));
  await page.waitForFunction(() => document.querySelectorAll('nav.findings li').length > 1, null, { timeout: 10_000 }); // by the trace
}

// Without a mouse: Tab leads through what there is to press to the first row, and every view has a key.
{
  const page = await open('/');
  await row(page, id(0xa1)).waitFor();
  const passed = [];
  for (let i = 0; i < 20 && passed.at(-1) !== 'row'; i++) {
    await page.keyboard.press('Tab');
    passed.push(await page.evaluate(() => document.activeElement.closest('nav.findings li') ? 'row' : document.activeElement.tagName.toLowerCase()));
  }
  assert.equal(passed.at(-1), 'row', passed.join(' '));
  assert.equal(passed.filter((x) => x === 'select').length, 3, passed.join(' '));
  for (const [keys, title] of [['gs', 'Services'], ['gl', 'Limits']]) {
    for (const key of keys) await page.keyboard.press(key);
    await page.waitForFunction((title) => document.activeElement.tagName === 'H2' && document.activeElement.innerText === title, title);
  }
  await page.keyboard.press('g');
  await page.keyboard.press('f');
  await row(page, id(0xa1)).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
}

// Paused, nothing moves; a row does not move away from under the mouse, either.
{
  const page = await open('/');
  await row(page, id(0xa1)).waitFor();
  await page.keyboard.press('p');
  await tell('/fresh?id=fa');
  await page.getByText('paused, 1 new').waitFor();
  assert.equal(await row(page, id(0xfa)).count(), 0);
  await page.getByRole('button', { name: 'Pause' }).click();
  await row(page, id(0xfa)).waitFor();
  await row(page, id(0xa3)).hover();
  const before = await row(page, id(0xa3)).boundingBox();
  await tell('/fresh?id=fb');
  await page.getByRole('button', { name: '1 new' }).waitFor();
  assert.equal(await row(page, id(0xfb)).count(), 0);
  await page.mouse.move(900, 500);
  await row(page, id(0xfb)).waitFor();
  assert.notDeepEqual(await row(page, id(0xa3)).boundingBox(), before);
}

// What is copied is what is shown.
{
  const page = await open(finding(0xa1), { permissions: ['clipboard-read', 'clipboard-write'] });
  const copied = async (what) => { await page.getByRole('button', { name: 'Copy ' + what }).click(); await page.getByText('copied').first().waitFor(); return page.evaluate(() => navigator.clipboard.readText()); };
  assert.equal(await copied('link'), base + finding(0xa1));
  assert.equal(JSON.parse(await copied('JSON')).id, id(0xa1));
  assert.match(await copied('Markdown'), /^\*\*ledger served 3 requests on a dead session\*\* \(confirmed\)[\s\S]*1\. 2026-03-01 14:41:40\.000 UTC: dead: nothing happened/);
}

// On paper there is the finding and nothing to press.
{
  const page = await open(finding(0xa1));
  await page.locator('svg.timeline').first().waitFor();
  await page.emulateMedia({ media: 'print' });
  for (const gone of ['nav.findings', 'footer', '.copy', 'p.live']) assert.equal(await page.locator(gone).isVisible(), false, gone);
  await shot(page, 'print');
}
await browser.close();
