// Pages of the compiler in headless Chromium, on narrow and wide screens, in light and dark:
// `node report.mjs [--screenshots FOLDER] PAGE...`.

import assert from 'node:assert/strict';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withBrowser } from './browser.mjs';

const pages = process.argv.slice(2);
const screenshots = pages[0] === '--screenshots' ? pages.splice(0, 2)[1] : undefined;

/** What is wider than the page, though it does not scroll by itself; and what can hardly be read. */
function faults() {
  const narrow = document.documentElement.clientWidth;
  const name = (it) => `${it.tagName} ${it.className.baseVal ?? it.className}`;
  const scrolls = (it) => it !== null && (getComputedStyle(it).overflowX === 'auto' || scrolls(it.parentElement));
  const wide = [...document.querySelectorAll('body *')].filter(
    (it) => it.getBoundingClientRect().right > narrow + 1 && !scrolls(it) && !it.closest('svg'),
  );
  const channels = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map((it) => it / 255);
  const light = (colour) => {
    const linear = channels(colour).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const back = light(getComputedStyle(document.body).backgroundColor);
  const contrast = (it) => {
    const [dark, bright] = [back, light(getComputedStyle(it).color)].sort((one, two) => one - two);
    return (bright + 0.05) / (dark + 0.05);
  };
  const texts = document.querySelectorAll('p, h1, h2, td, th, a, .soft, .error, .warning, .info, span');
  const faint = [...texts].filter((it) => it.textContent.trim() && contrast(it) < 4.5);
  return { wide: wide.map(name), faint: faint.map(name), back };
}

await withBrowser(async (browser) => {
  for (const file of pages) {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [390, 1400]) {
        const page = await browser.newPage();
        const [requests, complaints] = [[], []];
        page.on('request', (request) => requests.push(request.url()));
        page.on('console', (message) => complaints.push(message.text()));
        page.on('pageerror', (error) => complaints.push(String(error)));
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        const url = pathToFileURL(resolve(file)).href;
        await page.goto(url);
        await page.evaluate(() => document.querySelectorAll('details').forEach((it) => { it.open = true; }));
        const seen = `${basename(file)}, ${colorScheme}, ${width}`;
        const { wide, faint, back } = await page.evaluate(faults);
        assert.deepEqual(wide, [], `${seen}: wider than the page`);
        assert.deepEqual(faint, [], `${seen}: hardly to be read`);
        assert.equal(back > 0.5, colorScheme === 'light', `${seen}: the background`);
        const size = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(size <= width, `${seen}: ${size} pixels wide`);
        // Every link of the page leads to something that is on it.
        const lost = await page.evaluate(() =>
          [...document.querySelectorAll('a')].map((it) => it.getAttribute('href'))
            .filter((it) => !it.startsWith('#') || !document.getElementById(it.slice(1))));
        assert.deepEqual(lost, [], `${seen}: links`);
        for (const map of await page.locator('svg.map').all()) {
          const { height } = await map.boundingBox();
          assert.ok(height > 150, `${seen}: a map of ${height} pixels`);
        }
        assert.deepEqual([requests, complaints], [[url], []], seen);
        if (screenshots) {
          const name = `${basename(file, '.html')}-${colorScheme}-${width}.png`;
          await page.screenshot({ path: join(screenshots, name), fullPage: true });
        }
        await page.close();
      }
    }
  }
  console.log(`report: ${pages.length} pages are seen, narrow and wide, light and dark`);
});
