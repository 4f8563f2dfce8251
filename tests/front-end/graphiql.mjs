// GraphiQL in headless Chromium, against a running server: `node graphiql.mjs ORIGIN [SCREENSHOT]`.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [origin, screenshot] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
  viewport: { width: 1400, height: 900 },
});
const outside = [];
const complaints = [];
const keys = [];

function watch(page) {
  page.on('request', (request) => {
    const { protocol } = new URL(request.url());
    if (!request.url().startsWith(`${origin}/`) && !['data:', 'blob:'].includes(protocol)) {
      outside.push(request.url());
    }
    if (request.method() === 'POST') keys.push(request.headers().authorization);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return page;
}

/** Opens the page, runs the first tab and waits until its answer has this text. */
async function run(search, text) {
  const page = watch(await browser.newPage());
  await page.goto(`${origin}/graphql${search}`);
  await page.locator('.graphiql-execute-button').waitFor();
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  await page.locator('.graphiql-execute-button').click();
  await page.waitForFunction(
    (wanted) =>
      document.querySelector('.graphiql-response')?.innerText.replaceAll('\u00a0', ' ').includes(wanted),
    text,
    { timeout: 60_000 },
  );
  return page;
}

try {
  const first = await run('', '"itineraries"');
  assert.ok((await first.locator('.graphiql-tab').count()) >= 13, 'a tab for each example');
  if (screenshot) await first.screenshot({ path: screenshot });
  for (const name of ['Documentation Explorer', 'History', 'GraphiQL Explorer']) {
    const label = `Show ${name}`;
    await first.getByRole('button', { name: label }).click();
    await first.locator('.graphiql-plugin').waitFor();
  }

  // A key goes along, and is kept nowhere.
  await first.locator('#key').fill('rgk_of_the_test');
  await first.locator('.graphiql-execute-button').click();
  await first.waitForTimeout(1_000);
  assert.equal(keys.at(-1), 'Bearer rgk_of_the_test');
  const kept = await first.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.ok(!kept.includes('rgk_of_the_test'), 'the key is in the storage');
  await first.reload();
  assert.equal(await first.locator('#key').inputValue(), '');
  await first.close();

  // Links: an example by its name, and anything by its text. An error is seen.
  await (await run('?operation=network', '"stationCount"')).close();
  const query = encodeURIComponent('{ stations(first: 1000) { totalCount } }');
  await (await run(`?query=${query}`, 'PAGE_TOO_LARGE')).close();

  assert.deepEqual(outside, [], 'requests outside the server');
  assert.deepEqual(complaints, [], 'errors on the console');
  console.log('graphiql: answer, error, plugins, links and key are seen');
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
