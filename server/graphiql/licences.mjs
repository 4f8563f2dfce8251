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

/** What LICENSES.txt and NOTICES.txt say, going by package-lock.json and node_modules. */
export function licences() {
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
  return { list: `${list.sort().join('\n')}\n${ofPackages}`, ofParts: ofParts.toString() };
}
