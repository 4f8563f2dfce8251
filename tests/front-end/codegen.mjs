// Types of the operations in `example/`, for TypeScript, and their hashes for the server's folder of
// trusted documents.
export default {
  importExtension: '.js',
  schema: '../../schema/graphql/schema.graphql',
  documents: ['example/**/*.ts', '../../schema/graphql/operations/*.graphql'],
  generates: {
    'generated/codegen/': {
      preset: 'client',
      presetConfig: { persistedDocuments: { hashAlgorithm: 'sha256' } },
      config: {
        documentMode: 'string',
        useTypeImports: true,
        strictScalars: true,
        scalars: { DateTime: 'string', Date: 'string', Duration: 'string', Decimal: 'string' },
      },
    },
  },
};
