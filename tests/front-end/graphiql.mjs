// GraphiQL in headless Chromium, against two running servers, one of which wants this key with the
// scope `support`: `node graphiql.mjs ORIGIN ORIGIN_WITH_KEYS KEY [SCREENSHOT]`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { withBrowser } from './browser.mjs';

const [origin, originWithKeys, key, screenshot] = process.argv.slice(2);
let browser;
// What is thrown, and shown as the answer, where a subscription's key is no good.
const REFUSED_SOCKET = 'Error: Socket closed with event 4403 Forbidden';
const outside = [];
const complaints = [];
const keys = [];

function watch(page) {
  page.on('request', (request) => {
    const { protocol } = new URL(request.url());
    const isInside = [origin, originWithKeys].some((it) => request.url().startsWith(`${it}/`));
    if (!isInside && !['data:', 'blob:'].includes(protocol)) {
      outside.push(request.url());
    }
    if (request.method() === 'POST') keys.push(request.headers().authorization);
  });
  page.on('console', (message) => {
    const isRefusal = message.location().url.startsWith(originWithKeys) && /401/.test(message.text());
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text());
  });
  page.on('pageerror', (error) => {
    if (String(error) !== REFUSED_SOCKET) complaints.push(String(error));
  });
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

/** Opens the page and waits for its editor. */
async function open(search, size, at = origin) {
  const page = watch(await browser.newPage());
  if (size) await page.setViewportSize(size);
  await page.goto(`${at}/graphql${search}`);
  await page.locator('.graphiql-execute-button').waitFor();
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  return page;
}

/** Runs the active tab and waits until the answer has this text. */
async function execute(page, text) {
  await page.locator('.graphiql-execute-button').click();
  await page.waitForFunction(
    (wanted) =>
      document.querySelector('.graphiql-response')?.innerText.replace(/\s+/g, ' ').includes(wanted),
    text,
    { timeout: 60_000 },
  );
}

/** Opens the page, runs the tab that it opens with and waits until its answer has this text. */
async function run(search, text, size) {
  const page = await open(search, size);
  await execute(page, text);
  return page;
}

const WIDE = { width: 1400, height: 800 };
const NARROW = { width: 390, height: 800 };

/** Waits until this tab is active, in sight, the one that is edited, and kept for the next visit. */
async function sees(page, title, variables, count) {
  await page.waitForFunction(
    ([wanted, text, tabs]) => {
      const active = document.querySelector('.graphiql-tab-active');
      const [tab, bar] = [active, active?.parentElement].map((it) => it?.getBoundingClientRect());
      const edited = document.querySelector('.graphiql-editor-tool').innerText;
      const kept = JSON.parse(localStorage.getItem('graphiql:tabState'));
      return (
        active?.innerText === wanted && edited.includes(text) &&
        tab.left > bar.left - 1 && tab.right < bar.right + 1 &&
        document.querySelectorAll('.graphiql-tab').length === tabs &&
        kept?.tabs.length === tabs && kept.tabs[kept.activeTabIndex].title === wanted
      );
    },
    [title, variables, count],
    { timeout: 20_000 },
  ).catch(async () => {
    const tabs = await page.locator('.graphiql-tab').allInnerTexts();
    const active = await page.locator('.graphiql-tab-active').allInnerTexts();
    const edited = await page.locator('.graphiql-editor-tool').innerText();
    assert.fail(`expected ${title} of ${count}, found ${active} of ${tabs}, with ${edited}`);
  });
}

/** A visit: what is asked for is opened, and else the tab that was open before. */
async function visits() {
  const visit = async (search, size, ...seen) => {
    const page = await open(search, size);
    await sees(page, ...seen);
    return page;
  };
  const all = 14;
  await (await visit('', WIDE, 'Itineraries', '"London"', all)).close();
  await (await visit('', NARROW, 'Itineraries', '"London"', all)).close();
  await (await visit('?operation=network-changed', WIDE, 'NetworkChanged', '{}', all)).close();
  const again = await visit('', WIDE, 'NetworkChanged', '{}', all);
  const bar = await again.locator('.graphiql-tabs').evaluate((it) => it.offsetHeight - it.clientHeight);
  assert.ok(bar >= 6, `a scroll bar of ${bar} under the tabs`);
  await again.getByRole('button', { name: 'Stations', exact: true }).click();
  await sees(again, 'Stations', '"text"', all);
  await again.close();
  await (await visit('', NARROW, 'Stations', '"text"', all)).close();
  for (const size of [WIDE, NARROW]) {
    const query = encodeURIComponent('{ network { version } }');
    await (await visit(`?query=${query}`, size, '<untitled>', '', all + 1)).close();
  }
  for (const name of ['TripChanged', 'trip-changed']) {
    const page = await visit(`?operation=${name}`, WIDE, 'TripChanged', '"TRP-', all + 1);
    assert.equal(await page.locator('#unknown').count(), 0);
    await page.close();
  }
  const page = await visit('?operation=nonsense', WIDE, 'TripChanged', '"TRP-', all + 1);
  const names = [...Object.keys(EXAMPLES), 'trip-changed', 'network-changed'];
  const said = `there is no example "nonsense"; there are: ${names.join(', ')}`;
  assert.equal(await page.locator('#unknown').innerText(), said);
  await page.close();
}

/** The page has the window's size, and nothing scrolls it. */
async function fills() {
  for (const size of [WIDE, { width: 1400, height: 900 }, { width: 900, height: 500 }, NARROW]) {
    const page = await open('?operation=itineraries', size);
    await page.waitForTimeout(500);
    await page.mouse.move(100, 10);
    await page.mouse.wheel(0, 1_000);
    const scrolled = await page.evaluate(async () => {
      const around = ['html', 'body', '#graphiql', '.page'].map((it) => document.querySelector(it));
      await new Promise((resolve) => setTimeout(resolve, 200));
      const byWheel = around.map((it) => it.scrollTop);
      around.forEach((it) => it.scrollTo(1_000, 1_000));
      return [...byWheel, ...around.flatMap((it) => [it.scrollLeft, it.scrollTop])];
    });
    assert.ok(scrolled.every((it) => it === 0), `${scrolled} at ${JSON.stringify(size)}`);
    await page.close();
  }
}

/** A server that wants a key: the field says so, and takes what people paste. */
async function wantsKey() {
  const page = await open('?operation=network', WIDE, originWithKeys);
  const advised = (text) => page.waitForFunction(
    (wanted) => document.querySelector('#advice').innerText === wanted,
    text,
    { timeout: 20_000 },
  );
  await advised('this server wants a key: paste it here');
  await execute(page, 'UNAUTHENTICATED');
  const sent = keys.length;
  const form = 'a key has only letters, digits, dots, dashes and underscores';
  for (const wrong of ['rg.ключ', 'rg.a b']) {
    await page.locator('#key').fill(wrong);
    await advised(form);
    await execute(page, 'nothing was sent');
  }
  await page.getByRole('button', { name: 'Re-fetch GraphQL schema' }).click();
  await page.waitForTimeout(500);
  assert.equal(keys.length, sent, 'nothing is sent with what cannot be a key');
  await page.locator('#key').fill('rg.0123456789abcdef.nothing');
  await execute(page, 'UNAUTHENTICATED');
  await advised('expected an API key like rg.ID.SECRET, found something else');
  for (const pasted of [key, `Bearer ${key}`, `  bEARER   ${key} \t`]) {
    await page.locator('#key').fill('');
    await page.locator('#key').fill(pasted);
    await execute(page, '"stationCount"');
    await advised('');
    assert.equal(keys.at(-1), `Bearer ${key}`);
  }
  // With the key the schema is read, too.
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.locator('.graphiql-plugin').getByText('Root Types').waitFor();
  await page.close();

  // Subscriptions show the key, too. Where it is no good they end at once.
  const subscribed = await open('?operation=trip-changed', WIDE, originWithKeys);
  await execute(subscribed, '4403');
  await subscribed.locator('#key').fill(key);
  await execute(subscribed, 'expected that of a trip');
  await subscribed.close();
}

await withBrowser(async (opened) => {
  browser = opened;
  await visits();
  await fills();
  await wantsKey();

  const first = await run('?operation=itineraries', '"itineraries"');
  if (screenshot) {
    // Colours come a moment after the text.
    await first.waitForTimeout(2_000);
    await first.screenshot({ path: screenshot });
  }
  for (const name of ['Documentation Explorer', 'History', 'GraphiQL Explorer']) {
    const label = `Show ${name}`;
    await first.getByRole('button', { name: label }).click();
    await first.locator('.graphiql-plugin').waitFor();
  }

  // A key goes along, and is kept nowhere; there is no other place to type it into.
  assert.equal(await first.getByRole('button', { name: 'Headers', exact: true }).count(), 0);
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
  console.log('graphiql: answers of all examples, a booking, an error, plugins, visits, links and keys are seen');
});
