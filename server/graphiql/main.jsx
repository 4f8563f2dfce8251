// GraphiQL for this server: the editor, its documentation, explorer and history, example tabs, deep
// links and a key that is kept nowhere.
import { explorerPlugin } from '@graphiql/plugin-explorer';
import '@graphiql/plugin-explorer/style.css';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import './page.css';
import { createRoot } from 'react-dom/client';

globalThis.MonacoEnvironment = {
  getWorker(_, label) {
    const name = { json: 'json', graphql: 'graphql' }[label] ?? 'editor';
    return new Worker(new URL(`/graphiql/${name}.worker.js`, location.origin));
  },
};

// In this variable alone: neither in the page's storage nor in its address.
let key = '';
const shown = () => (key === '' ? {} : { authorization: `Bearer ${key}` });

const fetcher = createGraphiQLFetcher({
  url: '/graphql',
  subscriptionUrl: `${location.origin.replace(/^http/, 'ws')}/graphql/ws`,
  wsConnectionParams: shown,
  fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...shown() } }),
});

// Variables a line each, so that what is to be changed is seen.
const examples = JSON.parse(document.getElementById('examples').textContent).map((it) => ({
  ...it,
  variables: JSON.stringify(JSON.parse(it.variables), null, 2),
}));

// `?operation=NAME` opens an example, `?query=…&variables=…` anything.
function linked() {
  const asked = new URLSearchParams(location.search);
  if (asked.has('query')) {
    return { query: asked.get('query'), variables: asked.get('variables') ?? '' };
  }
  return examples.find(({ name }) => name === asked.get('operation'));
}

const link = linked();
const tab = ({ query, variables }) => ({ query, variables });
const defaultTabs = [...(link ? [link] : []), ...examples.filter((it) => it !== link)].map(tab);

// The first tab's variables are not taken from its tab; a page that was here before keeps its own.
const before = localStorage.getItem('graphiql:variables') ?? defaultTabs[0].variables;

function Page() {
  return (
    <div className="page">
      <form className="key-bar" onSubmit={(event) => event.preventDefault()}>
        <label>
          API key (forgotten with the page)
          <input
            id="key"
            type="password"
            autoComplete="off"
            onChange={(event) => {
              key = event.target.value.trim();
            }}
          />
        </label>
      </form>
      <div className="editor">
        <GraphiQL
          fetcher={fetcher}
          plugins={[HISTORY_PLUGIN, explorerPlugin()]}
          defaultTabs={defaultTabs}
          initialQuery={link?.query}
          initialVariables={link ? link.variables : before}
          defaultEditorToolsVisibility="variables"
        />
      </div>
    </div>
  );
}

createRoot(document.getElementById('graphiql')).render(<Page />);
