// GraphiQL in headless Chromium, against a running server: `node graphiql.mjs ORIGIN [SCREENSHOT]`.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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

const operations = new URL('../../schema/graphql/operations/', import.meta.url);
const documentOf = (name) => readFileSync(new URL(`${name}.graphql`, operations), 'utf8');
const variables = (name) =>
  JSON.parse(readFileSync(new URL(`${name}.variables.json`, operations), 'utf8'));

/** What each example's answer has near its beginning; subscriptions have tests of their own. */
const EXAMPLES = {
  itineraries: '"totalCount"',
  'next-page': '"totalCount"',
  stations: '"München"',
  departures: '"Wien"',
  'service-journeys': '"Nightjet"',
  network: '"stationCount"',
  client: '"client": null',
  trip: '"trip": null',
  'book-trip': '"refusals"',
  'cancel-trip': '"TRIP_UNKNOWN"',
  'cancel-reservation': '"TRIP_UNKNOWN"',
  'affected-trips': '"totalCount": 0',
};

/** The data of the answer to an example, past the page. */
async function ask(name) {
  const body = JSON.stringify({ query: documentOf(name), variables: variables(name) });
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(`${origin}/graphql`, { method: 'POST', headers, body })).json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer));
  return answer.data;
}

/** Runs an example by a link that has other variables. */
async function linked(name, values, text) {
  const search = new URLSearchParams({ query: documentOf(name), variables: JSON.stringify(values) });
  await (await run(`?${search}`, text)).close();
}

/** Opens the page, runs the first tab and waits until its answer has this text. */
async function run(search, text, size) {
  const page = watch(await browser.newPage());
  if (size) await page.setViewportSize(size);
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
  assert.ok((await first.locator('.graphiql-tab').count()) >= 14, 'a tab for each example');
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

  // Links: an example by its name, and anything by its text. An error is seen. What is to be filled
  // in is told by the server where it is not.
  for (const [name, text] of Object.entries(EXAMPLES)) {
    await (await run(`?operation=${name}`, text)).close();
  }
  const query = encodeURIComponent('{ stations(first: 1000) { totalCount } }');
  await (await run(`?query=${query}`, 'PAGE_TOO_LARGE')).close();

  // A trip is found, booked, seen with its client and cancelled, each with what the one before said.
  const found = await ask('itineraries');
  const after = found.itineraries.pageInfo.endCursor;
  await linked('next-page', { ...variables('next-page'), after }, '"totalCount"');
  const input = { ...variables('book-trip').input, itineraryId: found.itineraries.nodes[0].id };
  await linked('book-trip', { input }, '"CONFIRMED"');
  const { client } = await ask('client');
  const [trip] = client.currentTrips.nodes;
  await linked('client', variables('client'), trip.reference);
  await linked('trip', { reference: trip.reference }, '"CONFIRMED"');
  const { reference, version } = trip;
  await linked('cancel-trip', { input: { reference, expectedVersion: version } }, '"CANCELLED"');

  // On a narrow screen nothing is beside or below it, and the answer has its full width.
  const narrow = await run('?operation=network', '"stationCount"', { width: 390, height: 844 });
  const size = await narrow.evaluate(() => [
    document.documentElement.scrollWidth,
    document.querySelector('.graphiql-response').getBoundingClientRect().width,
  ]);
  assert.ok(size[0] <= 390 && size[1] > 250, `widths ${size} on a screen of 390`);
  await narrow.close();

  assert.deepEqual(outside, [], 'requests outside the server');
  assert.deepEqual(complaints, [], 'errors on the console');
  console.log('graphiql: answers of all examples, a booking, an error, plugins, links and key are seen');
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
