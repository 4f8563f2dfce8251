// Bundles GraphiQL into dist/, gzipped: what the program embeds. `npm ci && npm run build`.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { licences } from './licences.mjs';

const worker = (path) => `node_modules/${path}`;
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');
const { outputFiles } = await build({
  entryPoints: {
    graphiql: 'main.jsx',
    'editor.worker': worker('monaco-editor/esm/vs/editor/editor.worker.js'),
    'json.worker': worker('monaco-editor/esm/vs/language/json/json.worker.js'),
    'graphql.worker': worker('monaco-graphql/esm/graphql.worker.js'),
  },
  bundle: true,
  minify: true,
  write: false,
  outdir: 'dist',
  format: 'iife',
  jsx: 'automatic',
  target: 'es2022',
  legalComments: 'eof',
  loader: { '.ttf': 'dataurl', '.svg': 'dataurl' },
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.NODE_DEBUG': 'undefined' },
});
const sizes = [];
for (const { path, contents } of outputFiles) {
  const name = path.split('/').pop();
  const packed = gzipSync(contents, { level: 9 });
  writeFileSync(`dist/${name}.gz`, packed);
  sizes.push(`${name}: ${packed.length} of ${contents.length} bytes`);
}
writeFileSync('dist/SIZES.txt', `Gzipped, and before:\n${sizes.sort().join('\n')}\n`);

// The licences of what is in the bundle, for the notices that go with it.
const style = outputFiles.find(({ path }) => path.endsWith('graphiql.css'));
const { list, ofParts } = licences(style.text);
writeFileSync('dist/LICENSES.txt', list);
writeFileSync('dist/NOTICES.txt.gz', gzipSync(ofParts, { level: 9 }));
for (const name of readdirSync('dist')) console.log(name, readFileSync(`dist/${name}`).length);
