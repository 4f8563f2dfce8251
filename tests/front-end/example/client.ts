// A client of a page: typed by what codegen makes of its documents, and no more than that.

import type { TypedDocumentString } from '../generated/codegen/graphql.js';

/** An error of GraphQL: decide by its code, show its message to developers. */
export class GraphQLFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(`${code}: ${message}`);
  }
}

interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

export class Client {
  constructor(private readonly url: string) {}

  /** Asks with the document's hash alone, and sends the document where the server lacks it. */
  async execute<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    const sha256Hash = (document.__meta__ as { hash: string } | undefined)?.hash;
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    let answer = await this.post<Data>({ variables, extensions });
    if (answer.errors?.[0]?.extensions?.code === 'PERSISTED_QUERY_NOT_FOUND') {
      answer = await this.post<Data>({ query: document.toString(), variables, extensions });
    }
    const error = answer.errors?.[0];
    if (error || !answer.data) {
      throw new GraphQLFailure(error?.extensions?.code ?? 'NO_DATA', error?.message ?? '');
    }
    return answer.data;
  }

  private async post<Data>(body: unknown): Promise<Answer<Data>> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
      },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Answer<Data>;
  }
}
