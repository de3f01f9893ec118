import { expect, onTestFinished, test } from 'vitest';
import { openNode } from 'tablecast';
import { OPERATIONS } from '../../src/http/openapi/operations.ts';
import { metricsFor, reasonsFor } from '../../src/http/visibility.ts';
import { wordsFor } from '../../src/replication/peers/peer-form.ts';
import { type Answered, ask, begin, newDirectory, openWithHttp } from './support.ts';

const HIDDEN = /payroll|treasurer/;
const declaration = { key: 'string', value: 'count' } as const;
const credentials = [
  { name: 'reader', token: 'reads', nodes: [], read: ['hosts'], write: [] },
  { name: 'writer', token: 'writes', nodes: [], read: ['hosts'] },
  { name: 'treasurer', token: 'pays', nodes: ['till'], read: ['hosts', 'payroll'] },
];

/** What is answered to a stream until it has said so much; all of it otherwise. */
async function textOf(url: string, path: string, headers: Record<string, string>): Promise<string> {
  const response = await begin(url, path, { headers });
  response.setEncoding('utf8');
  let text = '';
  for await (const part of response) {
    text += String(part);
    if (text.includes('\n\n')) break;
  }
  return text;
}

async function openTwo() {
  const node = await openWithHttp({
    directory: newDirectory(),
    listen: { port: 0 },
    auth: { credentials },
    http: { port: 0, health: true },
  });
  const hosts = node.table('hosts', declaration).set('k', 1);
  const payroll = node.table('payroll', { ...declaration, mode: 'lww' }).set('boss', 1);
  const till = await openNode({ id: 'till', peers: [node.address as string], auth: { token: 'pays' } });
  onTestFinished(() => till.close());
  const theirs = till.table('hosts', declaration);
  // In another mode than here, so that something is held back.
  till.table('payroll', { ...declaration, backend: 'memory' }).set('boss', 2);
  await new Promise<void>((resolve) => {
    const watching = hosts.changes.subscribe(() => {
      watching.unsubscribe();
      resolve();
    });
    theirs.set('their', 1);
  });
  return { node, hosts, payroll };
}

test('a credential that may not read a table meets neither its name nor those of other holders, whatever it asks', async () => {
  const { node, hosts, payroll } = await openTwo();
  for (const token of ['reads', 'writes']) {
    const headers = { authorization: `Bearer ${token}` };
    const answers: [string, string][] = [];
    for (const { path, method } of OPERATIONS) {
      const at = path.replace('{table}', 'hosts').replace('{key}', 'k');
      const query = {
        '/at': '?position=9',
        '/diff': '?from=0',
        '/mode': '?to=lww',
        '/repair': '?from=till',
        '/undo': '?origin=m&position=0',
      };
      const asked = `${at}${Object.entries(query).find(([end]) => at.endsWith(end))?.[1] ?? ''}`;
      if (method === 'GET') {
        answers.push([asked, await textOf(node.url, asked, headers)]);
        answers.push([asked, await textOf(node.url, asked, { ...headers, accept: 'text/event-stream' })]);
        continue;
      }
      const bodies = [
        {},
        { from: 'till' },
        { origin: 'till', since: { position: 0 } },
        { mode: 'automerge' },
        { value: -1 },
        { operations: [{}] },
      ];
      for (const body of bodies) {
        const answer = await ask(node.url, asked, { method, headers, body });
        answers.push([`${method} ${asked}`, answer.text + JSON.stringify(answer.headers)]);
      }
    }
    for (const path of ['/livez', '/readyz', '/metrics'])
      answers.push([path, await textOf(node.url, path, headers)]);
    expect(answers.length).toBeGreaterThan(40);
    expect(answers.filter(([, text]) => HIDDEN.test(text))).toEqual([]);
    expect(answers.filter(([, text]) => text === '')).toEqual([]);
  }
  const log = await begin(node.url, '/v1/log', { headers: { authorization: 'Bearer reads' } });
  payroll.set('boss', 3);
  hosts.set('end', 1);
  let told = '';
  for await (const part of log.setEncoding('utf8')) {
    told += String(part);
    if (told.includes('"end"')) break;
  }
  expect(told).not.toMatch(HIDDEN);
});

test('who may read every table is told of holders, reasons and all metrics', async () => {
  const { node } = await openTwo();
  const auth = { credentials: [...credentials, { name: 'operator', token: 'all', nodes: [] }] };
  node.reloadCredentials(auth);
  const asked = (path: string): Promise<Answered> =>
    ask(node.url, path, { headers: { authorization: 'Bearer all' } });
  expect((await asked('/v1/cluster')).text).toContain('"holder":"treasurer"');
  for (const path of ['/v1/metrics', '/metrics']) expect((await asked(path)).text).toContain('payroll');
});

test('the same token has the rights that were given last', async () => {
  const reader = (read: readonly string[]) => ({
    credentials: [{ name: 'reader', token: 'same', nodes: [], read, write: [] }],
  });
  const node = await openWithHttp({ auth: reader(['hosts']) });
  node.table('hosts', { key: 'string', value: 'count' }).set('a', 1);
  node.table('payroll', { key: 'string', value: 'count' }).set('a', 1);
  const asked = async (table: string, token = 'same'): Promise<number> =>
    (await ask(node.url, `/v1/tables/${table}/rows/a`, { headers: { authorization: `Bearer ${token}` } }))
      .status;
  const all = async () => [await asked('hosts'), await asked('payroll'), await asked('hosts', 'other')];
  for (let again = 0; again < 2; again++) expect(await all()).toEqual([200, 404, 401]);
  node.reloadCredentials(reader(['payroll']));
  for (let again = 0; again < 2; again++) expect(await all()).toEqual([404, 200, 401]);
  node.reloadCredentials({ token: 'other' });
  expect(await all()).toEqual([401, 401, 200]);
});

test('what words and labels say is told to those only who may read every table', () => {
  const grant = { mayRead: (name: string) => name === 'hosts' };
  const viewer = (readsAll: boolean) => ({ readsAll, grant }) as never;
  const reasons = ['closing', 'disk: BACKEND_FULL', 'peer ws://a:1: table payroll differs'];
  expect(reasonsFor(viewer(true), reasons)).toEqual(reasons);
  expect(reasonsFor(viewer(false), reasons)).toEqual([
    'closing',
    'disk: BACKEND_FULL',
    'peer ws://a:1: told to those who may read every table',
  ]);
  expect(wordsFor(viewer(false), 'table payroll differs')).not.toMatch(HIDDEN);
  const labels = [undefined, { table: 'hosts' }, { table: 'payroll' }, { file: 'payroll.db' }, { peer: 'a' }];
  const metric = {
    name: 'm',
    type: 'gauge',
    help: '',
    samples: labels.map((one) => ({ labels: one, value: 1 })),
  } as const;
  const told = (readsAll: boolean): unknown =>
    metricsFor(viewer(readsAll), [metric])[0]?.samples.map((sample) => sample.labels);
  expect(told(true)).toEqual(labels);
  expect(told(false)).toEqual([undefined, { table: 'hosts' }, { peer: 'a' }]);
});
