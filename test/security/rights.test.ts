import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credential, NodeEvent, SetTable } from '../../src/index.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { everythingSent, sendRuns, setRun } from './support.ts';

let target: NodeUnderAttack;
let events: NodeEvent[];

beforeEach(async () => {
  target = await NodeUnderAttack.open({
    id: 'hub',
    auth: { credentials: [{ name: 'bea', token: 'b', nodes: ['b'] }] },
  });
  events = [];
  target.node.events.subscribe((event) => events.push(event));
  for (const name of ['open_hosts', 'secret_hosts']) target.node.table(name, { key: 'string' });
});

afterEach(() => target.close());

const table = (name: string): SetTable => target.node.table(name, { key: 'string' }) as SetTable;
const rights = (given: Partial<Credential>): Credential => ({ name: 'eve', nodes: ['*'], ...given });
const refusals = (): unknown[] =>
  events
    .filter(({ code }) => code === 'access-refused')
    .map(({ table: name, details }) => [details?.['right'], name]);

function greeted(given: Partial<Credential>, node = 'e'): FakePeer {
  const peer = target.connect(rights(given));
  peer.greet(node);
  return peer;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

describe('a peer that may not read a table (S14)', () => {
  it('is sent no byte of it: no name, no key, no node that writes it', async () => {
    table('secret_hosts').add('secret key before');
    const other = target.connect();
    other.greet('writer');
    const peer = target.connect(rights({ read: ['open*'] }));
    const state = { ...(peer.hello.tables[0] as object), name: 'secret_hosts' };
    peer.greet('e', { tables: [...peer.hello.tables, state] as never });
    table('secret_hosts').add('secret key later');
    table('open_hosts').add('open key');
    target.node.table('secret_late', { key: 'string' });
    sendRuns(other, setRun({ table: 'secret_hosts', origin: 'writer@1', keys: ['secret key of writer'] }));
    peer.say({ type: 'ask', table: 'secret_hosts', state: '', round: 1, of: 'buckets', numbers: [] });
    peer.say({ type: 'digest', table: 'secret_hosts', state: '', root: [0, 0], reply: false });
    await settled();
    await table('secret_hosts').switchMode('lww');
    await settled();
    expect(everythingSent(peer).includes('open key')).toBe(true);
    expect(everythingSent(peer).includes('secret')).toBe(false);
    expect(peer.hello.tables.map(({ name }) => name)).toEqual(['open_hosts']);
    expect(refusals()).toContainEqual(['read', 'secret_hosts']);
    // What an author writes in tables the peer may read reaches it as ever; who writes others does not.
    const direct = peer.messages('sources').flatMap(({ sources }) => sources.direct);
    expect(direct.every(([, names]) => names.every((name) => name === 'open_hosts'))).toBe(true);
  });

  it('cannot write it either', async () => {
    const peer = greeted({ read: ['open*'] });
    sendRuns(peer, setRun({ table: 'secret_hosts', origin: 'e@1', keys: ['planted'] }));
    peer.say({ type: 'checkpoint', table: 'secret_hosts', index: 0, last: true, chunk: new Uint8Array(9) });
    await settled();
    expect([...table('secret_hosts')]).toEqual([]);
    expect(peer.closedWith).toBeUndefined();
  });
});

describe('a peer that may only read a table (S14)', () => {
  it('has its operations refused with one event, is told, and goes on with other tables', async () => {
    const peer = greeted({ write: ['open*'] });
    expect(peer.hello.tables.map(({ name, takes }) => [name, takes])).toEqual([
      ['open_hosts', 'own'],
      ['secret_hosts', 'nothing'],
    ]);
    for (let round = 0; round < 3; round++) {
      const firstSequence = round + 1;
      const more = { origin: 'e@1', keys: [`k${round}`], firstSequence, known: round };
      sendRuns(peer, setRun({ table: 'secret_hosts', ...more }), setRun({ table: 'open_hosts', ...more }));
    }
    table('secret_hosts').add('from the hub');
    await settled();
    expect([...table('secret_hosts')]).toEqual(['from the hub']);
    expect([...table('open_hosts')]).toEqual(['k0', 'k1', 'k2']);
    expect(refusals()).toEqual([['write', 'secret_hosts']]);
    expect(peer.closedWith).toBeUndefined();
    expect(everythingSent(peer).includes('from the hub')).toBe(true);
  });

  it('cannot bring a checkpoint or a switch of mode', async () => {
    const peer = greeted({ write: [], origins: 'relay' });
    peer.say({ type: 'checkpoint', table: 'open_hosts', index: 0, last: true, chunk: new Uint8Array(9) });
    expect(peer.closedWith).toBeUndefined();
    expect(refusals()).toEqual([['write', 'open_hosts']]);
    expect(table('open_hosts').mode).toBe('naive');
  });
});

describe('a peer that brings operations of others (S5)', () => {
  it('is refused them when it may bring its own only, with an error that names the origin', async () => {
    const peer = greeted({});
    sendRuns(
      peer,
      setRun({ table: 'open_hosts', origin: 'victim@1', keys: ['forged'] }),
      setRun({ table: 'open_hosts', origin: 'e@1', keys: ['own'] }),
      setRun({ table: 'open_hosts', origin: 'zeek.manager.e@1', keys: ['of its Zeek node'] }),
      setRun({ table: 'open_hosts', origin: 'zeek.manager.victim@1', keys: ['of another’s'] }),
    );
    peer.say({ type: 'checkpoint', table: 'secret_hosts', index: 0, last: true, chunk: new Uint8Array(9) });
    await settled();
    expect([...table('open_hosts')]).toEqual(['own', 'of its Zeek node']);
    const [event] = events.filter(({ code }) => code === 'access-refused');
    expect(event).toMatchObject({
      severity: 'error',
      peer: 'e',
      details: { origin: 'victim@1', credential: 'eve' },
    });
    expect(refusals()).toEqual([
      ['origin', 'open_hosts'],
      ['origin', 'secret_hosts'],
    ]);
    // What was forged does not count as held: the author's own operation is taken.
    const author = target.connect();
    author.greet('victim');
    sendRuns(author, setRun({ table: 'open_hosts', origin: 'victim@1', keys: ['true'] }));
    expect([...table('open_hosts')]).toContain('true');
  });

  it('is refused those written for a Zeek node by a node whose id ends like its own', async () => {
    const peer = greeted({}, 'sensor');
    sendRuns(
      peer,
      setRun({ table: 'open_hosts', origin: 'zeek.worker-1.north.sensor@1', keys: ['forged'] }),
      setRun({ table: 'open_hosts', origin: 'zeek.worker-1.sensor@1', keys: ['own'] }),
    );
    await settled();
    expect([...table('open_hosts')]).toEqual(['own']);
    expect(refusals()).toEqual([['origin', 'open_hosts']]);
  });

  it('may bring them when it relays, but never those of this node’s present life', () => {
    const peer = greeted({ origins: 'relay' });
    sendRuns(peer, setRun({ table: 'open_hosts', origin: 'victim@1', keys: ['relayed'] }));
    expect([...table('open_hosts')]).toEqual(['relayed']);
    const [own] = peer.hello.origins as [string];
    sendRuns(peer, setRun({ table: 'open_hosts', origin: own, keys: ['forged'] }));
    expect(target.refusals).toEqual([expect.stringContaining('did not write')]);
    expect(peer.closedWith).toBeUndefined();
    expect([...table('open_hosts')]).toEqual(['relayed']);
  });

  it('cannot say that another’s operations come from it, so that nobody else brings them', () => {
    const peer = target.connect();
    peer.greet('e', { origins: ['victim@1'] });
    expect(peer.closedWith).toContain('name of another node');
  });

  it('cannot make this node begin a new life by claiming to know more of it', async () => {
    const peer = target.connect(rights({}));
    const [own] = peer.hello.origins as [string];
    const tables = peer.hello.tables.map((state) => ({ ...state, held: [[own, 1000] as [string, number]] }));
    peer.greet('e', { tables });
    await settled();
    const codes = events.map(({ code }) => code);
    expect(codes).toContain('fork-claimed');
    expect(codes).not.toContain('fork-detected');
    expect(codes).not.toContain('epoch-began');
    const honest = greeted({ name: 'hal', origins: 'relay' }, 'h');
    expect(honest.hello.origins).toEqual([own]);
  });
});

describe('a node id (S4)', () => {
  it('is refused to a credential that may not use it', () => {
    const peer = greeted({ nodes: ['e-*'] });
    expect(peer.closedWith).toContain('credential eve may not use the node id e.');
    expect(greeted({ nodes: ['e-*'] }, 'e-1').closedWith).toBeUndefined();
  });

  it('that a credential names in full is refused to every other, the shared token included', () => {
    expect(greeted({ name: 'eve' }, 'b').closedWith).toContain('may not use the node id b');
    const trusted = target.connect();
    trusted.greet('b');
    expect(trusted.closedWith).toContain('may not use the node id b');
    expect(greeted({ name: 'bea', nodes: ['b'] }, 'b').closedWith).toBeUndefined();
  });

  it('that is connected is not taken over with another credential, but is with its own', async () => {
    const first = greeted({ name: 'carl' }, 'c');
    const thief = target.connect(rights({ name: 'eve' }));
    thief.greet('c', { session: 666 });
    expect(thief.closedWith).toContain('another credential');
    const plain = target.connect();
    plain.greet('c', { session: 667 });
    expect(plain.closedWith).toContain('another credential');
    expect(first.closedWith).toBeUndefined();
    const restarted = target.connect(rights({ name: 'carl' }));
    restarted.greet('c', { session: 8 });
    await settled();
    expect(first.closedWith).toContain('duplicate');
    expect(restarted.closedWith).toBeUndefined();
  });

  it('that means a node of Zeek is refused: it could write as the node behind it does', () => {
    for (const node of ['zeek.worker-1.north', 'zeek-x.worker-1', 'zeek.a'])
      expect(greeted({}, node).closedWith).toContain('means a node of Zeek');
    expect(greeted({}, 'zeek-manager').closedWith).toBeUndefined();
  });

  it('that could forge a line of a log is no id', () => {
    for (const node of ['two\nlines', 'a b', '', 'x'.repeat(65), '../etc', '\u001b[31mred']) {
      const peer = target.connect();
      peer.greet(node, { origins: [] });
      expect(peer.closedWith, node).toBeDefined();
    }
    expect(events.every(({ message }) => !/\p{C}/u.test(message))).toBe(true);
  });
});
