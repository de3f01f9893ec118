import { TablecastError } from '../errors.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import { lwwMode } from '../modes/lww.ts';
import { naiveMode } from '../modes/naive.ts';
import { type WebSocketClientOptions, webSocketClient } from '../transport/websocket/client.ts';
import type { RenewableTransport } from '../transport/websocket/websocket.ts';
import type { NodeOptions } from './options.ts';
import type { Around, Outside } from './outside.ts';

/** Options that need files, threads or a listening socket. */
const OF_NODE_JS = [
  'directory',
  'failureMode',
  'listen',
  'socket',
  'health',
  'http',
  'sql',
  'tracing',
  'nats',
  'zeek',
] as const;
const MODES: ReadonlyMap<string, ConflictMode> = new Map(
  [naiveMode, lwwMode].map((mode) => [mode.name, mode]),
);

/** Offers a node what a page has, or any platform with no more: a WebSocket that dials, and nothing else. */
export const pageOutside: Outside = {
  check: checkPageOptions,
  modeOf: ({ name, mode }) => {
    const known = MODES.get(mode);
    if (known !== undefined) return known;
    throw new TablecastError('DECLARATION_INVALID', `Table ${name}: the core has no mode ${mode}.`, {
      hint: `Declare it with one of: ${[...MODES.keys()].join(', ')}.`,
      details: { table: name, mode },
    });
  },
  durable: () => undefined,
  webSocket: dialling,
  socket: () => undefined,
  carried: () => undefined,
  around: nobody,
};

/** Throws `OPTION_INVALID` for options that only Node.js has. */
function checkPageOptions(options: NodeOptions): void {
  const { auth, peers = [] } = options;
  for (const option of OF_NODE_JS) if (options[option] !== undefined) throw needsNodeJs(`Option ${option}`);
  for (const option of ['ca', 'cert', 'key'] as const)
    if (auth?.[option] !== undefined) throw needsNodeJs(`Option auth.${option}`);
  if (platformSocket() === undefined && peers.some((peer) => /^wss?:/.test(peer)))
    throw new TablecastError(
      'OPTION_INVALID',
      'Option peers has a WebSocket address, and there is no WebSocket.',
      {
        hint: 'Bring a transport of your own: see docs/write-your-own.md.',
        details: { option: 'peers' },
      },
    );
}

function platformSocket(): WebSocketClientOptions['WebSocket'] | undefined {
  return (globalThis as { readonly WebSocket?: WebSocketClientOptions['WebSocket'] }).WebSocket;
}

/** A transport over the platform's WebSocket, which dials and cannot listen. */
function dialling({ auth, limits }: NodeOptions): RenewableTransport {
  const client = webSocketClient({
    get WebSocket() {
      return platformSocket() as WebSocketClientOptions['WebSocket'];
    },
    token: auth?.dialToken ?? auth?.token,
    limits: { maxFrameBytes: limits?.maxFrameBytes, maxQueuedBytes: limits?.maxQueuedBytes },
  });
  return {
    ...client,
    reloadTls: () => {
      throw needsNodeJs('Another certificate');
    },
    reloadAuth: () => {
      throw needsNodeJs('Another credential');
    },
  };
}

/** Nobody sees a node of a page from outside. */
function nobody(): Around {
  return {
    observed: undefined,
    zeek: {
      attach: () => {
        throw needsNodeJs('attachZeek()');
      },
      present: () => [],
      missed: () => 0,
      advanced: () => undefined,
      stopListening: () => undefined,
      close: () => Promise.resolve(),
    },
    sql: {
      begin: () => {
        throw needsNodeJs('project()');
      },
      ask: () => Promise.reject(needsNodeJs('query()')),
      query: () => Promise.reject(needsNodeJs('query()')),
      declared: () => undefined,
      advanced: () => undefined,
      close: () => Promise.resolve(),
    },
    watch: {
      address: undefined,
      tornSegments: 0,
      listen: () => Promise.reject(needsNodeJs('Option health')),
      opened: () => undefined,
      closing: () => undefined,
      close: () => Promise.resolve(),
    },
    http: {
      address: undefined,
      listen: () => Promise.resolve(),
      advanced: () => undefined,
      reloading: () => () => undefined,
      certifying: (change) => {
        if (change !== undefined) throw needsNodeJs('Another certificate');
        return () => undefined;
      },
      close: () => Promise.resolve(),
    },
  };
}

function needsNodeJs(what: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `${what} needs Node.js: this is the core of Tablecast.`, {
    hint: "Import 'tablecast' in Node.js, or leave it out.",
  });
}
