// Searches, turns a page, books, is refused, finds the trip again and cancels it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { useFragment as read } from '../generated/codegen/fragment-masking.js';
import { graphql } from '../generated/codegen/gql.js';
import { Client, GraphQLFailure } from './client.js';

const Search = graphql(`
  query ExampleSearch($from: String!, $to: String!, $date: Date!, $first: Int, $after: String, $fareClass: FareClass) {
    itineraries(
      origin: { name: $from }
      destination: { name: $to }
      dateTime: { date: $date }
      fareClass: $fareClass
      first: $first
      after: $after
    ) {
      totalCount
      nodes {
        ...ExampleItinerary
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      problems {
        code
        argument
        suggestions {
          name
        }
        nextDate
      }
    }
  }
`);

const Itinerary = graphql(`
  fragment ExampleItinerary on Itinerary {
    id
    departure
    arrival
    stops
    price {
      amount
      currency
    }
  }
`);

const Book = graphql(`
  mutation ExampleBook($input: BookTripInput!) {
    bookTrip(input: $input) {
      trip {
        reference
        version
        status
      }
      refusals {
        code
        path
      }
    }
  }
`);

const Cancel = graphql(`
  mutation ExampleCancel($input: CancelTripInput!) {
    cancelTrip(input: $input) {
      trip {
        status
      }
      refusals {
        code
      }
    }
  }
`);

const Network = graphql(`
  query ExampleNetwork {
    network {
      firstDate
      lastDate
    }
  }
`);

const url = process.argv[2];
assert(url, 'expected the address of /graphql');
const client = new Client(url);

const { network } = await client.execute(Network, {});
const week = new Date(Date.now() + 7 * 24 * 3600 * 1000).toISOString().slice(0, 10);
const date = week > network.firstDate ? week : network.firstDate;

// `fareClass` is not said: the default of its argument holds.
const wanted = { from: 'London', to: 'Wien', date, first: 1 };
const { itineraries } = await client.execute(Search, wanted);
const found = read(Itinerary, itineraries.nodes)[0];
assert(found?.price, 'an itinerary with a price');
assert.equal(itineraries.problems.length, 0);
if (itineraries.pageInfo.hasNextPage) {
  const after = itineraries.pageInfo.endCursor;
  const next = await client.execute(Search, { ...wanted, after });
  assert.notEqual(read(Itinerary, next.itineraries.nodes)[0]?.id, found.id);
}
const first = await client.execute(Search, { ...wanted, fareClass: 'FIRST' });
assert(Number(first.itineraries.totalCount) >= 1);

const nowhere = await client.execute(Search, { ...wanted, to: 'Wienn' });
assert.equal(nowhere.itineraries.problems[0]?.code, 'UNKNOWN_STATION');

await assert.rejects(client.execute(Search, { ...wanted, date: 'tomorrow' }), (error) => {
  return error instanceof GraphQLFailure && error.code === 'BAD_USER_INPUT';
});

const input = {
  itineraryId: found.id,
  travellers: [{ firstName: 'Ada', lastName: 'Lovelace', idNumber: randomUUID(), age: 36 }],
  expectedPrice: found.price.amount,
  idempotencyKey: randomUUID(),
};
const { bookTrip } = await client.execute(Book, { input });
assert.deepEqual(bookTrip.refusals, []);
assert(bookTrip.trip);
// Sent again, as after a lost answer: the same trip.
const again = await client.execute(Book, { input });
assert.equal(again.bookTrip.trip?.reference, bookTrip.trip.reference);
// Another request for the same place is refused.
const twice = await client.execute(Book, { input: { ...input, idempotencyKey: randomUUID() } });
assert.equal(twice.bookTrip.refusals[0]?.code, 'ALREADY_BOOKED');

const { cancelTrip } = await client.execute(Cancel, {
  input: {
    reference: bookTrip.trip.reference,
    lastName: 'lovelace',
    expectedVersion: bookTrip.trip.version,
    idempotencyKey: randomUUID(),
  },
});
assert.deepEqual(cancelTrip.refusals, []);
console.log(`searched, booked and cancelled ${bookTrip.trip.reference}`);
