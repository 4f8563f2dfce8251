// What has changed in the schema since the last release. What breaks callers is not let pass.

import { readFileSync } from 'node:fs';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const read = (path) => buildSchema(readFileSync(new URL(path, import.meta.url), 'utf8'));
const changes = await diff(read('released.graphql'), read('../../schema/graphql/schema.graphql'));
for (const change of changes) {
  console.log(`${change.criticality.level} ${change.path ?? ''}: ${change.message}`);
}
const breaking = changes.filter((it) => it.criticality.level === CriticalityLevel.Breaking);
console.log(`${changes.length} changes since the last release, ${breaking.length} of them break`);
process.exitCode = breaking.length === 0 ? 0 : 1;
