// The audits of GraphQL over HTTP against a running server.

import { auditServer } from 'graphql-http';

const url = process.argv[2];
const results = await auditServer({ url, fetchFn: fetch });
const failed = results.filter((result) => result.status !== 'ok');
for (const result of failed) {
  console.log(`${result.status} ${result.id} ${result.name}: ${result.reason ?? ''}`);
}
console.log(`${results.length - failed.length} of ${results.length} audits`);
process.exitCode = failed.length === 0 && results.length === 61 ? 0 : 1;
