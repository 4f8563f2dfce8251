// What Relay asks of a schema: connections that it pages through, objects that it refetches by id.

import { graphql } from 'relay-runtime';

export const query = graphql`
  query ClientTripsQuery($lastName: String!, $idNumber: String!) {
    client(lastName: $lastName, idNumber: $idNumber) {
      id
      ...ClientTrips_client
    }
  }
`;

export const fragment = graphql`
  fragment ClientTrips_client on Client
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "ClientTripsPaginationQuery") {
    currentTrips(first: $count, after: $cursor) @connection(key: "ClientTrips_currentTrips") {
      edges {
        node {
          id
          reference
          status
        }
      }
    }
  }
`;

export const cancel = graphql`
  mutation ClientTripsCancelMutation($input: CancelTripInput!) {
    cancelTrip(input: $input) {
      trip {
        id
        status
        version
      }
      refusals {
        code
        message
      }
    }
  }
`;
