import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type NodeOptions, type TableNode, openNode } from 'tablecast';

const nodes: TableNode[] = [];
const directories: string[] = [];
const requests: ClientRequest[] = [];

afterEach(async () => {
  for (const one of requests.splice(0)) one.destroy();
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A directory of the test's own. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-http-'));
  directories.push(directory);
  return directory;
}

/** Opens a node that answers over HTTP; it is closed at the end of the test. */
export async function openWithHttp(options: Partial<NodeOptions> = {}): Promise<TableNode & { url: string }> {
  const node = await openNode({ id: 'm', http: { port: 0 }, ...options });
  nodes.push(node);
  return Object.assign(node, { url: node.httpAddress as string });
}

/** What was answered. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** Undefined for what is no JSON. */
  readonly json: Record<string, unknown>;
}

/** What is asked, beside the path. */
export interface AskOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** JSON, unless it is text or bytes. */
  readonly body?: unknown;
}

/** Asks with the path as it is given: nothing of it is put in another form. */
export async function ask(url: string, path: string, options: AskOptions = {}): Promise<Answered> {
  const response = await begin(url, path, options);
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += String(chunk);
  const isJson = String(response.headers['content-type']).includes('json') && text !== '';
  const json = (isJson ? JSON.parse(text) : undefined) as Record<string, unknown>;
  return { status: response.statusCode ?? 0, headers: response.headers, text, json };
}

/** Asks, and gives the response once its head is there. */
export function begin(url: string, path: string, options: AskOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body } = options;
  const { hostname, port } = new URL(url);
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const bytes = body === undefined ? undefined : isRaw ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request({
      hostname,
      port,
      path,
      method,
      agent: false,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    });
    requests.push(asked);
    asked.once('response', resolve);
    asked.once('error', reject);
    asked.end(bytes);
  });
}

/** One event of a stream. */
export interface StreamEvent {
  readonly id: string;
  readonly name: string;
  readonly data: Record<string, unknown>;
}

/** A stream of Server-Sent Events, read as it comes. */
export class Stream {
  readonly #response: IncomingMessage;
  readonly #events: AsyncGenerator<StreamEvent, undefined>;
  /** As a browser keeps it: also of blocks without data. */
  lastId = '';

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.#events = this.#read();
  }

  /** The next event that has data; undefined at the end. */
  async next(): Promise<StreamEvent | undefined> {
    return (await this.#events.next()).value;
  }

  async take(count: number): Promise<StreamEvent[]> {
    const taken: StreamEvent[] = [];
    while (taken.length < count) {
      const event = await this.next();
      if (event === undefined) throw new Error(`The stream ended after ${taken.length} of ${count} events.`);
      taken.push(event);
    }
    return taken;
  }

  close(): void {
    this.#response.destroy();
  }

  async *#read(): AsyncGenerator<StreamEvent, undefined> {
    let rest = '';
    this.#response.setEncoding('utf8');
    try {
      for await (const chunk of this.#response) {
        const blocks = (rest + String(chunk)).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const event = this.#event(block);
          if (event !== undefined) yield event;
        }
      }
    } catch {
      // Its other side is gone.
    }
    return undefined;
  }

  #event(block: string): StreamEvent | undefined {
    const fields = new Map(
      block.split('\n').map((line) => {
        const at = line.indexOf(': ');
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    this.lastId = fields.get('id') ?? this.lastId;
    const data = fields.get('data');
    if (data === undefined) return undefined;
    return {
      id: this.lastId,
      name: fields.get('event') ?? '',
      data: JSON.parse(data) as Record<string, unknown>,
    };
  }
}

/** Follows a stream. Rejects when it is answered with something else than 200. */
export async function followStream(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Stream> {
  const response = await begin(url, path, { headers });
  if (response.statusCode !== 200) throw new Error(`${path} was answered with ${response.statusCode}.`);
  return new Stream(response);
}
