// GraphiQL for this server: the editor, its documentation and its history, and example tabs.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createRoot } from 'react-dom/client';

globalThis.MonacoEnvironment = {
  getWorker(_, label) {
    const name = { json: 'json', graphql: 'graphql' }[label] ?? 'editor';
    return new Worker(new URL(`/graphiql/${name}.worker.js`, location.origin));
  },
};

const fetcher = createGraphiQLFetcher({ url: '/graphql' });
const examples = JSON.parse(document.getElementById('examples').textContent);
const defaultTabs = examples.map(({ query, variables }) => ({ query, variables }));

// The first tab's variables are not taken from its tab; a page that was here before keeps its own.
const variables = localStorage.getItem('graphiql:variables') ?? defaultTabs[0].variables;

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={defaultTabs}
    initialVariables={variables}
    defaultEditorToolsVisibility="variables"
  />,
);
