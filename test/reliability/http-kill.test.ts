import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { type StreamEvent, followStream } from '../http/support.ts';
import { type ChildBundle, bundleChildren } from './support/child-bundle.ts';
import { endProcess } from '../support/end-process.ts';

const KILLS = 4;
const EVENTS = 200;

const scratch = temporaryDirectory();
let children: ChildBundle;
let child: ChildProcess | undefined;

beforeAll(async () => {
  children = await bundleChildren(['http-child']);
});

afterAll(async () => {
  if (child !== undefined) await endProcess(child);
  children.remove();
  scratch.remove();
});

async function start(): Promise<string> {
  child = spawn(process.execPath, [children.program('http-child'), scratch.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [url] = (await once(lines, 'line')) as [string];
  return url;
}

it('who follows a table over HTTP has every write once, in order, although its node is killed again and again', async () => {
  const values: number[] = [];
  let id = '0';
  for (let kill = 0; kill < KILLS; kill++) {
    const url = await start();
    const stream = await followStream(url, '/v1/tables/counts/changes', { 'Last-Event-ID': id });
    const until = values.length + EVENTS;
    for (let event: StreamEvent | undefined; values.length < until;) {
      event = await stream.next();
      if (event === undefined) throw new Error('The stream ended.');
      values.push(event.data['value'] as number);
      ({ id } = event);
    }
    await endProcess(child as ChildProcess);
    // What had come before the kill and was not looked at counts as not seen.
    stream.close();
  }
  expect(values).toEqual(Array.from({ length: KILLS * EVENTS }, (_, index) => index + 1));
});
