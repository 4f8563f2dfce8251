// The licences of what the bundle is made of: a list with the texts that go with it, each once, and
// what some packages say of parts of theirs.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const OF_PARTS = /^third-?party/i;
const OF_PACKAGES = /^(licen[cs]e|copying|copyright|notice)/i;
const RULE = '-'.repeat(80);

/** A text's words, which two texts are compared by. */
const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.join(' ') ?? '';

const plain = (text) =>
  text.replaceAll('\r\n', '\n').replaceAll('\t', '    ').replace(/ +$/gm, '').trim();

/** The texts in a package's folder whose names are like this. */
function texts(folder, pattern) {
  const paths = readdirSync(folder).sort().filter((name) => pattern.test(name)).map((name) => join(folder, name));
  return paths.filter((path) => statSync(path).isFile()).map((path) => plain(readFileSync(path, 'utf8')));
}

/** Texts with the names of their packages above them, each text once. */
class Texts {
  #owners = new Map();

  add(name, text) {
    const entry = this.#owners.get(words(text)) ?? { text, names: new Set() };
    entry.names.add(name);
    this.#owners.set(words(text), entry);
  }

  toString() {
    const all = [...this.#owners.values()].map(({ text, names }) => `\n${RULE}\n${[...names].join(', ')}\n\n${text}\n`);
    return all.sort().join('');
  }
}

/** What is known of the fonts that packages have in their styles and say nothing of. */
const FONTS = {
  Roboto: {
    name: 'Roboto 2.137 (font)',
    licence: 'Apache-2.0',
    text: () => `Copyright 2011 Google Inc. All Rights Reserved.\n\n${read('../../LICENSE-APACHE')}`,
  },
  'Fira Code': { name: 'Fira Code 5.002 (font)', licence: 'OFL-1.1', text: () => read('fonts/fira-code.txt') },
  codicon: {
    name: 'Visual Studio Code icons (font)',
    licence: 'CC-BY-4.0',
    text: () => `Copyright Microsoft Corporation.\n\n${read('fonts/codicons.txt')}`,
  },
};

const read = (path) => plain(readFileSync(path, 'utf8'));

/** The fonts of a style. */
function fontsOf(css) {
  const faces = css.match(/@font-face\s*\{[^}]*?font-family:\s*[^;}]+/g) ?? [];
  const families = faces.map((face) => face.split(':').pop().replaceAll(/["']/g, '').trim());
  return [...new Set(families)].map((family) => {
    if (!FONTS[family]) throw new Error(`the font "${family}" has no licence in licences.mjs`);
    return FONTS[family];
  });
}

/**
 * What LICENSES.txt and NOTICES.txt say, going by package-lock.json, node_modules and the fonts in
 * the bundle's style.
 */
export function licences(css) {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const list = [];
  const [ofPackages, ofParts] = [new Texts(), new Texts()];
  for (const [path, { version, license, dev }] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/') || dev) continue;
    const name = `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)} ${version}`;
    if (!license) throw new Error(`${name} says no licence`);
    list.push(`${name}: ${license}`);
    const found = texts(path, OF_PACKAGES);
    if (found.length === 0) {
      const { author } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
      found.push(`${license}. Copyright: ${author?.name ?? author ?? 'its authors'}`);
    }
    found.forEach((text) => ofPackages.add(name, text));
    texts(path, OF_PARTS).forEach((text) => ofParts.add(name, text));
  }
  for (const { name, licence, text } of fontsOf(css)) {
    list.push(`${name}: ${licence}`);
    ofPackages.add(name, text());
  }
  return { list: `${list.sort().join('\n')}\n${ofPackages}`, ofParts: ofParts.toString() };
}
