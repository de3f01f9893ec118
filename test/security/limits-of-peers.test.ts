import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { AccessList } from '../../src/access/grant.ts';
import type { Environment } from '../../src/environment.ts';
import { Intake } from '../../src/replication/costs/intake.ts';
import { Turns } from '../../src/work/turns.ts';
import { Dialler, type DiallerParts } from '../../src/replication/reach/dialler.ts';
import { Identities, type IdentitiesParts } from '../../src/replication/reach/identities.ts';
import { Heartbeat } from '../../src/replication/session/heartbeat.ts';
import type { Session } from '../../src/replication/session/session.ts';
import type { Hello } from '../../src/replication/wire/bodies.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';

const MIB = 1024 * 1024;

/** An environment whose timers the test lets go off. */
function timed(): { environment: Environment; delays: number[]; goOff: () => void } {
  let due: (() => void) | undefined;
  const delays: number[] = [];
  const environment = {
    now: () => 0,
    elapsed: () => 0,
    random: () => 0,
    defer: () => undefined,
    schedule: (delay: number, task: () => void) => {
      delays.push(delay);
      due = task;
      return { cancel: () => (due = undefined) };
    },
  } as unknown as Environment;
  return { environment, delays, goOff: () => due?.() };
}

describe('of a configured peer between two sessions', () => {
  it('eight causes of failed dials are told, a ninth is counted', async () => {
    const { environment, goOff } = timed();
    const told: string[] = [];
    let dials = 0;
    const owner = {
      environment,
      transport: { dial: () => Promise.reject(new Error(`cause ${dials++}`)) } as unknown as Transport,
      reached: () => false,
      unreachable: (_: Dialler, error: Error) => told.push(error.message),
      changed: () => undefined,
    } as unknown as DiallerParts;
    const dialler = new Dialler('ws://127.0.0.1:1', owner);
    dialler.dial();
    for (let times = 1; times <= 9; times++) {
      while (dialler.failedDials < times) await setImmediate();
      expect(told).toHaveLength(Math.min(times, 8));
      goOff();
    }
    dialler.stop();
  });
});

describe('of nodes whose sessions gave way to later ones', () => {
  const helloOf = (node: string, session: number): Hello => ({
    protocol: [1, 1],
    node,
    session,
    origins: [`${node}@1`],
    tables: [],
  });

  /** Says which sessions of a node are known to have given way, once the given ones have. */
  function comesBack(replaced: readonly (readonly [node: string, drawn: number])[]) {
    const tables = { grant: { holder: 'a', owns: () => true, mayUse: () => true } };
    const connection = { direction: 'accepted', credential: 'a' };
    const session = { tables, connection } as unknown as Session;
    const present = { tables, connection, hello: { session: -1 } } as unknown as Session;
    const owner: IdentitiesParts = {
      nodeId: 'hub',
      access: () => ({ belongsToAnother: () => false }) as unknown as AccessList,
      sessionsOf: () => [present],
    };
    const identities = new Identities(owner);
    for (const [node, drawn] of replaced) identities.replaced(helloOf(node, drawn));
    return (node: string, drawn: number) => identities.problem(session, helloOf(node, drawn))?.twice === true;
  }

  it('16 of one node are remembered, of one more the oldest is forgotten', () => {
    const some = (count: number) => Array.from({ length: count }, (_, drawn) => ['n', drawn] as const);
    expect(comesBack(some(16))('n', 0)).toBe(true);
    expect(comesBack(some(17))('n', 0)).toBe(false);
    expect(comesBack(some(17))('n', 1)).toBe(true);
  });

  it('1,024 nodes are remembered, of one more the oldest is forgotten', () => {
    const some = (count: number) => Array.from({ length: count }, (_, node) => [`n${node}`, 7] as const);
    expect(comesBack(some(1024))('n0', 7)).toBe(true);
    expect(comesBack(some(1025))('n0', 7)).toBe(false);
    expect(comesBack(some(1025))('n1', 7)).toBe(true);
  });
});

it('a peer that has not said hello after 10 s is ended, and one that has is not', () => {
  for (const greets of [false, true]) {
    const { environment, delays, goOff } = timed();
    const said: string[] = [];
    const heartbeat = new Heartbeat({
      environment: {
        ...environment,
        // The pings are another timer.
        schedule: (delay, task) =>
          delay === 5000 ? { cancel: () => undefined } : environment.schedule(delay, task),
      },
      ping: () => undefined,
      listens: () => true,
      silent: (what) => void said.push(what),
    });
    heartbeat.start();
    if (greets) heartbeat.greeted();
    goOff();
    expect(delays).toEqual([10_000]);
    expect(said).toEqual(greets ? [] : ['No hello within 10000 ms.']);
  }
});

describe('what is taken from a peer', () => {
  function intakeOf(limits = { operationsPerSecond: 1e9, bytesPerSecond: 1e12 }) {
    const { environment, goOff } = timed();
    const taken: Uint8Array[] = [];
    const flows: boolean[] = [];
    const intake = new Intake({
      environment,
      limits,
      turns: new Turns(environment),
      holder: () => '',
      take: (frame) => void taken.push(frame),
      throttled: () => undefined,
      overrun: (error) => expect.fail(error.message),
      flow: (isWanted) => void flows.push(isWanted),
    });
    return { intake, taken, flows, goOff };
  }

  it('waits up to 1 MiB, and with a byte more nothing is read from the socket', () => {
    for (const [bytes, flow] of [
      [MIB, []],
      [MIB + 1, [false]],
    ] as const) {
      const { intake, flows } = intakeOf();
      intake.hold();
      intake.offer(new Uint8Array(bytes - 128));
      expect(flows).toEqual(flow);
    }
  });

  it.each([
    ['operations', (intake: Intake, count: number) => intake.countOperations(count), 1000],
    ['bytes sent because of it', (intake: Intake, count: number) => intake.countAnswer(count), 4 * MIB],
  ] as const)('%s are free up to what may come at once, and then wait', (_, count, most) => {
    for (const [spent, passes] of [
      [most - 1, 2],
      [most, 1],
    ] as const) {
      const { intake, taken } = intakeOf({ operationsPerSecond: 1000, bytesPerSecond: 1e12 });
      intake.offer(new Uint8Array(0));
      count(intake, spent);
      intake.offer(new Uint8Array(0));
      expect(taken).toHaveLength(passes);
    }
  });

  it('bytes are free up to what may come at once, and then wait', () => {
    for (const [bytes, passes] of [
      [999, 2],
      [1000, 1],
    ] as const) {
      const { intake, taken } = intakeOf({ operationsPerSecond: 1000, bytesPerSecond: 1000 });
      intake.offer(new Uint8Array(bytes - 128));
      intake.offer(new Uint8Array(0));
      expect(taken).toHaveLength(passes);
    }
  });
});

describe('a checkpoint', () => {
  let target: NodeUnderAttack | undefined;
  afterEach(() => target?.close());

  it.each([
    [16_383, false],
    [16_384, true],
  ])('of %i lives into a table with one more is refused: %s', async (lives, isRefused) => {
    target = await NodeUnderAttack.open({ id: 'victim' });
    target.node.table('seen', { key: 'string', backend: 'memory' }).add('here');
    const codes: string[] = [];
    const ends = ['operations-refused', 'checkpoint-adopted'];
    target.node.events.subscribe(({ code }) => ends.includes(code) && codes.push(code));
    const peer = target.connect();
    const [table] = peer.hello.tables;
    peer.greet('donor');
    const vector = Array.from({ length: lives }, (_, life) => [`n${life}@1`, 1]);
    const { fingerprint } = table as { fingerprint: string };
    const header = { version: 1, table: 'seen', fingerprint, vector, contexts: [], dictionaries: [] };
    const chunk = new TextEncoder().encode(JSON.stringify(header));
    peer.say({ type: 'checkpoint', table: 'seen', index: 0, last: true, chunk });
    while (codes.length === 0) await setImmediate();
    expect(codes[0]).toBe(isRefused ? 'operations-refused' : 'checkpoint-adopted');
  });
});
