// All of graphql-eslint's rules for schemas. Each that is off says why.

import graphql from '@graphql-eslint/eslint-plugin';

const off = {
  // Fields stand in the order in which a reader needs them: departure before arrival.
  '@graphql-eslint/alphabetize': 'off',
  // What `node` finds has an id; money, legs, pages and payloads are no objects of their own.
  '@graphql-eslint/strict-id-in-types': 'off',
  // Refusals and problems are data, so that there is always a result, and callers need no check.
  '@graphql-eslint/require-nullable-result-in-root': 'off',
  // A mutation returns what it changed; nobody asks a second question in it.
  '@graphql-eslint/require-field-of-type-query-in-mutation-result': 'off',
  // The contract calls the moment of a Departure `departure`, as it does that of a leg.
  '@graphql-eslint/no-typename-prefix': 'off',
  // It forbids root types by name, and there is none to forbid.
  '@graphql-eslint/no-root-type': 'off',
};

export default [
  {
    files: ['**/schema.graphql'],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: 'generated/schema.graphql' } },
    },
    plugins: { '@graphql-eslint': graphql },
    rules: { ...graphql.configs['flat/schema-all'].rules, ...off },
  },
];
