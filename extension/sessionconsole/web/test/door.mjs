// A console that asks for a password: a browser that has it gets in, to the stream as well, and another one does not.
import assert from 'node:assert/strict';
import { base, browser } from './browser.mjs';

const refused = await fetch(base + '/');
assert.equal(refused.status, 401);
assert.match(refused.headers.get('www-authenticate'), /^Basic realm=/);
const outside = await (await browser.newContext()).newPage();
await assert.rejects(outside.goto(base + '/'), /ERR_INVALID_AUTH_CREDENTIALS/, 'it asks, and nobody answers');

// It is sent only where it is asked for.
const inside = await (await browser.newContext({ httpCredentials: { username: 'auditor', password: 'to read' } })).newPage();
await inside.goto(base + '/');
await inside.locator('.live [role=status]').filter({ hasText: 'live' }).waitFor();
await inside.locator('.sentence').waitFor();
await browser.close();
