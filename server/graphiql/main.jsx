// GraphiQL for this server: the editor, its documentation, explorer and history, example tabs, deep
// links and a key that is kept nowhere.
import { explorerPlugin } from '@graphiql/plugin-explorer';
import '@graphiql/plugin-explorer/style.css';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { useGraphiQL } from '@graphiql/react';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import 'graphiql/style.css';
import './page.css';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

globalThis.MonacoEnvironment = {
  getWorker(_, label) {
    const name = { json: 'json', graphql: 'graphql' }[label] ?? 'editor';
    return new Worker(new URL(`/graphiql/${name}.worker.js`, location.origin));
  },
};

// In this variable alone: neither in the page's storage nor in its address.
let key = '';
const NO_KEY = 'a key has only letters, digits, dots, dashes and underscores';
const isKey = () => /^[\w.-]*$/.test(key);
const shown = () => (key === '' ? {} : { authorization: `Bearer ${key}` });

/** What the key's field needs after an answer, if anything. */
async function adviceAfter(answer) {
  if (answer.status !== 401) return '';
  if (key === '') return 'this server wants a key: paste it here';
  const { errors } = await answer.clone().json();
  return errors[0].message;
}

/** What sends to the server, unless the key cannot be one. */
function fetcherThat(advise) {
  const wsClient = createClient({
    url: `${location.origin.replace(/^http/, 'ws')}/graphql/ws`,
    connectionParams: shown,
    // Another try needs another key.
    shouldRetry: ({ code }) => code !== undefined && code !== 4403,
  });
  const send = createGraphiQLFetcher({
    url: '/graphql',
    wsClient,
    fetch: async (url, init) => {
      const answer = await fetch(url, { ...init, headers: { ...init.headers, ...shown() } });
      advise(await adviceAfter(answer));
      return answer;
    },
  });
  return async (...asked) =>
    isKey() ? send(...asked) : { errors: [{ message: `nothing was sent: ${NO_KEY}` }] };
}

// Variables a line each, so that what is to be changed is seen.
const examples = JSON.parse(document.getElementById('examples').textContent).map((it) => ({
  ...it,
  variables: JSON.stringify(JSON.parse(it.variables), null, 2),
}));

// `?operation=NAME` opens an example, as `trip-changed` or `TripChanged`; `?query=…&variables=…`
// anything.
const asked = new URLSearchParams(location.search);
const plain = (name) => name?.replaceAll('-', '').toLowerCase();
const link = asked.has('query')
  ? { query: asked.get('query'), variables: asked.get('variables') ?? '' }
  : examples.find(({ name }) => plain(name) === plain(asked.get('operation')));
const isUnknown = asked.has('operation') && !link;

/** The tab that was open when the page was last here; GraphiQL itself goes by the last edit. */
function lastTab() {
  try {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState'));
    return tabs[activeTabIndex];
  } catch {
    return undefined;
  }
}

const tab = ({ query, variables }) => ({ query: query ?? '', variables: variables ?? '' });
const defaultTabs = [...(link ? [link] : []), ...examples.filter((it) => it !== link)].map(tab);
// A tab that has just this is opened, and one is added where none has.
const opened = tab(link ?? lastTab() ?? examples[0]);

const plugins = [HISTORY_PLUGIN, explorerPlugin()];

/** Keeps the active tab in sight. */
function ShowTab() {
  const at = useGraphiQL(({ activeTabIndex, tabs }) => `${activeTabIndex} ${tabs.length}`);
  useEffect(() => {
    const active = document.querySelector('.graphiql-tab-active');
    active?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [at]);
  return null;
}

function KeyBar({ advice, onKey, onDone }) {
  return (
    <form
      className="bar"
      onSubmit={(event) => {
        event.preventDefault();
        onDone();
      }}
    >
      <label>
        API key (forgotten with the page)
        <input
          id="key"
          type="password"
          autoComplete="off"
          aria-describedby="advice"
          onChange={(event) => onKey(event.target.value)}
          onBlur={onDone}
        />
      </label>
      <strong id="advice" role="status">
        {advice}
      </strong>
    </form>
  );
}

function Unknown() {
  return (
    <p id="unknown" className="bar" role="alert">
      there is no example "{asked.get('operation')}"; there are:{' '}
      {examples.map(({ name }, at) => [
        at > 0 && ', ',
        <a key={name} href={`?operation=${name}`}>
          {name}
        </a>,
      ])}
    </p>
  );
}

function Page() {
  const [advice, advise] = useState('');
  // A new one makes GraphiQL read the schema again, which a new key may allow.
  const [fetcher, setFetcher] = useState(() => fetcherThat(advise));
  const [tried, setTried] = useState('');
  return (
    <div className="page">
      <KeyBar
        advice={advice}
        onKey={(text) => {
          key = text.trim().replace(/^bearer(\s+|$)/i, '');
          advise(isKey() ? '' : NO_KEY);
        }}
        onDone={() => {
          if (key === tried || !isKey()) return;
          setTried(key);
          setFetcher(() => fetcherThat(advise));
        }}
      />
      {isUnknown && <Unknown />}
      <div className="editor">
        <GraphiQL
          fetcher={fetcher}
          plugins={plugins}
          defaultTabs={defaultTabs}
          initialQuery={opened.query}
          initialVariables={opened.variables}
          defaultEditorToolsVisibility="variables"
          // What is typed there would be kept, and be a key.
          isHeadersEditorEnabled={false}
        >
          <ShowTab />
        </GraphiQL>
      </div>
    </div>
  );
}

createRoot(document.getElementById('graphiql')).render(<Page />);
