// A client of a page: typed by what codegen makes of its documents, and no more than that.

import { createHash } from 'node:crypto';

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
  /** What the server knows documents by that are not trusted ones. */
  private readonly ids = new Map<string, string>();

  constructor(private readonly url: string) {}

  /** Asks with the document's hash alone, and sends the document where the server lacks it. */
  async execute<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    const query = document.toString();
    // Trusted documents are known by the hash that codegen gave them, which is of another spelling.
    const documentId = this.ids.get(query) ?? document.__meta__?.['hash'];
    let answer = await this.post<Data>({ documentId, variables });
    if (answer.errors?.[0]?.extensions?.code === 'PERSISTED_QUERY_NOT_FOUND') {
      const documentId = `sha256:${createHash('sha256').update(query).digest('hex')}`;
      this.ids.set(query, documentId);
      answer = await this.post<Data>({ documentId, query, variables });
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
