import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fastify } from 'fastify';
import { perOperation, stopwatch, turn } from './clock.ts';
import { CPU, type Measure, RATE, type Sample, type Setting, type Target } from './contest.ts';
import { product } from './product.ts';

const module = 'p19-http';
const ROW = '/v1/tables/rows/rows/k';
/** Connections that ask one row each as fast as they are answered. */
const ASKING = 16;
const READERS = 1000;
const CHANGES_PER_SECOND = 10_000;
const DELAY = { name: 'delay', label: 'delay of the event loop, p99', unit: 'ms' } as const;

const requests = ({ quick }: Setting): number => (quick ? 20_000 : 100_000);
const changes = ({ quick }: Setting): number => (quick ? 50_000 : 200_000);

/** A process that asks, so that what it costs is not counted. Says a line when all is answered. */
const CLIENT = `
import { connect } from 'node:net';
const [kind, port, path, connections, count] = process.argv.slice(1);
const ask = 'GET ' + path + ' HTTP/1.1\\r\\nHost: 127.0.0.1:' + port + '\\r\\n\\r\\n';
let left = Number(count), open = 0, seen = 0, heads = 0;
for (let n = 0; n < Number(connections); n++) {
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(ask));
  socket.on('data', (bytes) => {
    if (kind === 'rows') {
      if (--left > 0) socket.write(ask);
      else if (left === 0) console.log('done');
      return;
    }
    if (socket.begun === undefined) {
      socket.begun = true;
      if (++heads === Number(connections)) console.log('open');
    }
    if (kind === 'events') {
      // An event may come in two parts.
      const all = Buffer.concat([socket.rest ?? Buffer.alloc(0), bytes]);
      for (let at = -1; (at = all.indexOf('data: ', at + 1)) >= 0;) seen++;
      socket.rest = all.subarray(-5);
      if (seen === left) console.log('done');
    }
  });
  socket.on('error', () => process.exit(1));
}
`;

/** Starts the asking process; the lines are what it says. */
function client(
  kind: string,
  url: string,
  path: string,
  counts: readonly [connections: number, count: number],
) {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--input-type=module', '-e', CLIENT, kind, new URL(url).port, path, ...counts.map(String)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const said = async (): Promise<void> => void (await once(lines, 'line'));
  return { said, end: () => child.kill() };
}

async function askRows(url: string, setting: Setting): Promise<Sample> {
  // The first thousands are not what a server that has run for a minute costs.
  for (const count of [requests(setting) / 4, requests(setting)]) {
    const stop = stopwatch();
    const asking = client('rows', url, ROW, [ASKING, count]);
    await asking.said();
    const sample = perOperation(stop(), count);
    asking.end();
    if (count === requests(setting)) return sample;
  }
  throw new Error('Nothing was measured.');
}

async function opened() {
  const { openNode } = await product();
  const node = await openNode({ id: 'bench', http: { port: 0, limits: { maxReadsPerSecond: 1e9 } } });
  const table = node.table('rows', { key: 'string', value: 'double' });
  return { node, table, url: node.httpAddress as string };
}

export const constantFloor: Measure = async (setting) => {
  const app = fastify();
  const { node, table, url } = await opened();
  table.set('k', 1.5);
  const text = await (await fetch(url + ROW)).text();
  await node.close();
  app.get(ROW, (_request, reply) => reply.type('application/json; charset=utf-8').send(text));
  const sample = await askRows(await app.listen({ port: 0, host: '127.0.0.1' }), setting);
  await app.close();
  return sample;
};

export const oneRow: Measure = async (setting) => {
  const { node, table, url } = await opened();
  table.set('k', 1.5);
  const sample = await askRows(url, setting);
  await node.close();
  return sample;
};

export const sseFloor: Measure = async (setting) => {
  let response: ServerResponse | undefined;
  const server = createServer((_request, answer) => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 1000\n\n');
    response = answer;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const count = changes(setting);
  const reading = client('events', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '/', [
    1,
    count,
  ]);
  await reading.said();
  const done = reading.said();
  const stop = stopwatch();
  for (let position = 1; position <= count; position++) {
    const data = {
      position,
      origin: 'bench@1',
      sequence: position,
      time: 1,
      kind: 'set',
      key: `k${position % 1000}`,
      value: position,
    };
    const goesOn = response?.write(`id: ${position}\nevent: set\ndata: ${JSON.stringify(data)}\n\n`);
    if (goesOn === false) await once(response as ServerResponse, 'drain');
    if (position % 100 === 0) await turn();
  }
  await done;
  const sample = perOperation(stop(), count);
  reading.end();
  server.closeAllConnections();
  server.close();
  return sample;
};

export const oneReader: Measure = async (setting) => {
  const { node, table, url } = await opened();
  const count = changes(setting);
  const reading = client('events', url, '/v1/tables/rows/changes', [1, count]);
  await reading.said();
  const done = reading.said();
  const stop = stopwatch();
  for (let position = 1; position <= count; position++) {
    table.set(`k${position % 1000}`, position);
    if (position % 100 === 0) await turn();
  }
  await done;
  const sample = perOperation(stop(), count);
  reading.end();
  await node.close();
  return sample;
};

export const manyReaders: Measure = async ({ quick }) => {
  const { node, table, url } = await opened();
  const reading = client('readers', url, '/v1/tables/rows/changes', [READERS, 0]);
  await reading.said();
  const seconds = quick ? 3 : 10;
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  const began = performance.now();
  const stop = stopwatch();
  histogram.enable();
  let written = 0;
  while (written < seconds * CHANGES_PER_SECOND) {
    const due = ((performance.now() - began) / 1000) * CHANGES_PER_SECOND;
    while (written < due) table.set(`k${written % 1000}`, written++);
    await wait(1);
  }
  histogram.disable();
  const { cpuUs } = stop();
  reading.end();
  await node.close();
  return { delay: histogram.percentile(99) / 1e6, cpu: cpuUs / written };
};

const contestant = (name: string, kind: 'floor' | 'ours', measure: string) => ({
  name,
  kind,
  module,
  export: measure,
});

export const p19: Target = {
  id: 'P19',
  title: 'HTTP: one row, and changes to many readers',
  contests: [
    {
      name: 'row',
      title: `One row, asked for over ${ASKING} connections`,
      note: 'The floor is the framework, which answers the same bytes as a constant. Who asks is another process.',
      metrics: [CPU, RATE],
      contestants: [
        contestant('framework, a constant', 'floor', 'constantFloor'),
        contestant('Tablecast', 'ours', 'oneRow'),
      ],
      goals: [
        {
          text: 'at least 0.6 of the framework',
          metric: 'cpu',
          of: 'Tablecast',
          over: 'framework, a constant',
          atMost: 1 / 0.6,
        },
      ],
    },
    {
      name: 'changes',
      title: 'Changes to one reader, each written and told',
      note: 'The floor makes the same JSON of an object and writes it to the response, without a table.',
      metrics: [CPU, RATE],
      contestants: [
        contestant('a bare loop', 'floor', 'sseFloor'),
        contestant('Tablecast', 'ours', 'oneReader'),
      ],
      goals: [
        {
          text: 'at least 0.5 of a bare loop',
          metric: 'cpu',
          of: 'Tablecast',
          over: 'a bare loop',
          atMost: 2,
        },
      ],
    },
    {
      name: 'readers',
      title: `${CHANGES_PER_SECOND} changes a second to ${READERS} readers`,
      metrics: [DELAY, CPU],
      contestants: [contestant('Tablecast', 'ours', 'manyReaders')],
      goals: [{ text: 'p99 of at most 20 ms', metric: 'delay', of: 'Tablecast', atMost: 20 }],
    },
  ],
};
