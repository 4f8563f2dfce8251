// npm's graphql-ws against a running server: a trip is booked, listened to, changed and cancelled;
// and each fault that this client can make has the code that it expects.

import { CloseCode, createClient, GRAPHQL_TRANSPORT_WS_PROTOCOL, MessageType } from 'graphql-ws';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';

const origin = process.argv[2];
const url = `${origin.replace('http', 'ws')}/graphql/ws`;
const operation = (name) =>
  readFileSync(`../../schema/graphql/operations/${name}.graphql`, 'utf8');
const example = (name) =>
  JSON.parse(readFileSync(`../../schema/graphql/operations/${name}.variables.json`, 'utf8'));

async function ask(name, variables) {
  const body = JSON.stringify({ query: operation(name), variables });
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(`${origin}/graphql`, { method: 'POST', headers, body })).json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer));
  return answer.data;
}

/** The code with which the server closes after these messages, sent one after the other's answer. */
function code(messages, protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocol);
    socket.on('open', () => messages.forEach((message) => socket.send(message)));
    socket.on('close', resolve);
    socket.on('error', reject);
  });
}

const found = await ask('itineraries', example('itineraries'));
const input = { ...example('book-trip').input, itineraryId: found.itineraries.nodes[0].id };
const { trip } = (await ask('book-trip', { input })).bookTrip;
const client = createClient({ url, webSocketImpl: WebSocket, keepAlive: 1_000, lazy: false });
const variables = { reference: trip.reference };
const told = client.iterate({ query: operation('trip-changed'), variables });
const first = told.next();
const networks = client.iterate({ query: operation('network-changed') });
const network = networks.next();
await new Promise((resolve) => setTimeout(resolve, 1_500));
await ask('cancel-trip', { input: { reference: trip.reference, expectedVersion: trip.version } });
const changed = (await first).value.data.tripChanged;
assert.equal(changed.reference, trip.reference);
assert.equal(changed.status, 'CANCELLED');
assert.equal(changed.version, trip.version + 1);
await told.return();
await networks.return();
await network;

// A query is answered and ends; a mistake is told, and the connection goes on.
const query = client.iterate({ query: '{ network { version } }' });
assert.ok((await query.next()).value.data.network.version);
assert.equal((await query.next()).done, true);
await assert.rejects(client.iterate({ query: '{ nothing }' }).next());
await client.dispose();

const init = JSON.stringify({ type: MessageType.ConnectionInit });
const subscribe = JSON.stringify({
  id: '1',
  type: MessageType.Subscribe,
  payload: { query: operation('network-changed') },
});
assert.equal(await code(['nonsense']), CloseCode.BadRequest);
assert.equal(await code([subscribe]), CloseCode.Unauthorized);
assert.equal(await code([], []), CloseCode.SubprotocolNotAcceptable);
assert.equal(await code([]), CloseCode.ConnectionInitialisationTimeout);
assert.equal(await code([init, subscribe, subscribe]), CloseCode.SubscriberAlreadyExists);
assert.equal(await code([init, init]), CloseCode.TooManyInitialisationRequests);
console.log('graphql-ws: heard a trip change; six close codes');
process.exit(0);
