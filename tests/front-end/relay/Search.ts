import { graphql } from 'relay-runtime';

export const query = graphql`
  query SearchQuery($origin: StationInput!, $destination: StationInput!, $date: Date!) {
    ...Search_itineraries
      @arguments(origin: $origin, destination: $destination, date: $date)
    network {
      version
    }
  }
`;

export const fragment = graphql`
  fragment Search_itineraries on Query
  @argumentDefinitions(
    origin: { type: "StationInput!" }
    destination: { type: "StationInput!" }
    date: { type: "Date!" }
    count: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  )
  @refetchable(queryName: "SearchPaginationQuery") {
    itineraries(
      origin: $origin
      destination: $destination
      dateTime: { date: $date }
      first: $count
      after: $after
      last: $last
      before: $before
    ) @connection(key: "Search_itineraries") {
      edges {
        cursor
        node {
          id
          departure
          arrival
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
      }
      problems {
        code
        message
      }
    }
  }
`;

export const station = graphql`
  query SearchStationQuery($id: ID!) {
    node(id: $id) {
      __typename
      ... on Station {
        name
        timeZone
      }
    }
  }
`;
