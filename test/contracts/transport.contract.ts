import { afterEach, describe, expect, it } from 'vitest';
import type { FrameLimitOptions } from '../../src/transport/limits.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { type Link, Observed, codeOf, link, pattern, settle } from '../transport/observed.ts';

/** What an implementation gives to be held against the contract. */
export interface TransportSetup {
  /** A transport that may listen and dial; the contract closes it. */
  transport(limits?: FrameLimitOptions): Promise<Transport> | Transport;
  /** An address of the right form where nobody listens. */
  nobody(): Promise<string> | string;
}

const small: FrameLimitOptions = {
  maxFrameBytes: 65_536,
  highWaterBytes: 131_072,
  lowWaterBytes: 32_768,
  maxQueuedBytes: 1_048_576,
};

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array): boolean =>
  a !== undefined && Buffer.compare(a, b) === 0;

/** The guarantees of the transport port, one test each. */
export function transportContract(name: string, setup: TransportSetup): void {
  const opened: Transport[] = [];
  const open = async (limits?: FrameLimitOptions): Promise<Transport> => {
    const transport = await setup.transport(limits);
    opened.push(transport);
    return transport;
  };
  const linked = async (limits?: FrameLimitOptions, farLimits = limits): Promise<Link> =>
    link(await open(limits), await open(farLimits));
  const started = async (limits?: FrameLimitOptions, farLimits = limits): Promise<Link> => {
    const { near, far } = await linked(limits, farLimits);
    return { near: near.start(), far: far.start() };
  };

  describe(`transport contract: ${name}`, () => {
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((transport) => transport.close()));
    });

    frameTests(linked, started);
    endingTests(started, linked);
    queueTests(linked);
    joiningTests(open, setup);
  });
}

type MakeLink = (limits?: FrameLimitOptions, farLimits?: FrameLimitOptions) => Promise<Link>;

function frameTests(linked: MakeLink, started: MakeLink): void {
  it('says which side dialled and where the other is', async () => {
    const { near, far } = await started();
    expect(near.connection.direction).toBe('dialled');
    expect(far.connection.direction).toBe('accepted');
    expect(near.connection.remote).not.toBe('');
    expect(far.connection.remote).not.toBe('');
  });

  it('delivers 2,000 frames in order, both ways at once', async () => {
    const { near, far } = await started();
    for (let i = 0; i < 2_000; i += 1) {
      near.connection.send(pattern(i % 50, i));
      far.connection.send(pattern(i % 40, i + 1));
    }
    await Promise.all([
      far.until(() => far.frames.length === 2_000),
      near.until(() => near.frames.length === 2_000),
    ]);
    expect(far.frames.every((frame, i) => sameBytes(frame, pattern(i % 50, i)))).toBe(true);
    expect(near.frames.every((frame, i) => sameBytes(frame, pattern(i % 40, i + 1)))).toBe(true);
  });

  it('keeps the bytes of every size from 0 to maxFrameBytes, both ways, alone and in a burst', async () => {
    const { near, far } = await started(small);
    const sizes = [0, 1, 2, 125, 126, 127, 255, 256, 1_023, 1_024, 1_025, 4_095, 65_535, 65_536];
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      for (const [i, size] of sizes.entries()) {
        from.connection.send(pattern(size, size));
        await to.until(() => to.frames.length === i + 1);
      }
      for (const size of sizes) from.connection.send(pattern(size, size));
      await to.until(() => to.frames.length === 2 * sizes.length);
      for (const [i, frame] of to.frames.entries()) {
        const size = sizes[i % sizes.length] as number;
        expect(sameBytes(frame, pattern(size, size))).toBe(true);
      }
    }
  });

  it('hands out plain Uint8Arrays that belong to the receiver', async () => {
    const { near, far } = await started();
    const frame = pattern(100, 1);
    near.connection.send(frame);
    await far.until(() => far.frames.length === 1);
    far.frames[0]?.fill(0);
    expect(Object.getPrototypeOf(far.frames[0])).toBe(Uint8Array.prototype);
    expect(sameBytes(frame, pattern(100, 1))).toBe(true);
  });

  it('delivers what arrived before start, first and in order', async () => {
    const { near, far } = await linked();
    near.start();
    for (let i = 0; i < 10; i += 1) near.connection.send(pattern(10, i));
    await settle();
    far.start();
    near.connection.send(pattern(10, 10));
    await far.until(() => far.frames.length === 11);
    expect(far.frames.every((frame, i) => sameBytes(frame, pattern(10, i)))).toBe(true);
  });

  it('throws LIMIT_EXCEEDED for a frame above maxFrameBytes and goes on', async () => {
    const { near, far } = await started(small);
    expect(() => near.connection.send(new Uint8Array(65_537))).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
    near.connection.send(pattern(5, 1));
    await far.until(() => far.frames.length === 1);
    expect(far.closing).toBeUndefined();
  });

  it('refuses a frame above the limit of the receiver, and ends only that connection', async () => {
    const { near, far } = await started({ ...small, maxFrameBytes: 65_537 }, small);
    near.connection.send(new Uint8Array(65_537));
    expect((await far.closed()).kind).toBe('refused');
    expect((await near.closed()).kind).toBe('refused');
    expect(far.frames).toHaveLength(0);
  });
}

function endingTests(started: MakeLink, linked: MakeLink): void {
  it('sends what is queued before it ends, and tells both sides closed with the reason', async () => {
    const { near, far } = await started();
    for (let i = 0; i < 100; i += 1) near.connection.send(pattern(5_000, i));
    near.connection.close('moving\nout');
    expect(await far.closed()).toEqual({ kind: 'closed', reason: 'moving out' });
    expect(await near.closed()).toEqual({ kind: 'closed', reason: 'moving out' });
    expect(far.frames).toHaveLength(100);
  });

  it('does nothing in send and close after the end, and tells closed once', async () => {
    const { near, far } = await started();
    near.connection.close('one');
    near.connection.close('two');
    expect(near.connection.send(pattern(5, 1))).toBe(false);
    await Promise.all([near.closed(), far.closed()]);
    far.connection.send(pattern(5, 2));
    far.connection.close('three');
    await settle();
    expect(near.closing?.reason).toBe('one');
    expect([near.afterClosed, far.afterClosed]).toEqual([0, 0]);
    expect([near.frames.length, far.frames.length]).toEqual([0, 0]);
    expect(near.connection.queuedBytes).toBe(0);
  });

  it('delivers no frame to a side that has closed, while the other is sending', async () => {
    const { near, far } = await linked();
    far.start();
    near.start({ frame: () => near.connection.close('enough') });
    for (let i = 0; i < 500; i += 1) far.connection.send(pattern(1_000, i));
    await Promise.all([near.closed(), far.closed()]);
    await settle();
    expect(near.frames).toHaveLength(1);
    expect([near.afterClosed, far.afterClosed]).toEqual([0, 0]);
  });

  it('survives both sides closing at once', async () => {
    const { near, far } = await started();
    near.connection.close('near');
    far.connection.close('far');
    expect((await near.closed()).kind).toBe('closed');
    expect((await far.closed()).kind).toBe('closed');
  });

  it('cuts a reason down to one line without control characters', async () => {
    const { near, far } = await started();
    near.connection.close(`\u001b[31m${'é'.repeat(500)}\r\n`);
    const { reason } = await far.closed();
    expect(reason).toMatch(/^\[31mé+$/);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
  });

  it('lets a side close that never started, without waiting for a time limit', async () => {
    const { near, far } = await linked();
    far.start();
    for (let i = 0; i < 10; i += 1) far.connection.send(pattern(1_000, i));
    const before = performance.now();
    near.connection.close('not wanted');
    expect(await far.closed()).toEqual({ kind: 'closed', reason: 'not wanted' });
    expect((await near.start().closed()).kind).toBe('closed');
    expect(near.frames).toHaveLength(0);
    expect(performance.now() - before).toBeLessThan(1_500);
  });

  it('tells a side that starts late that the connection is over', async () => {
    const { near, far } = await linked();
    near.start();
    near.connection.send(pattern(7, 7));
    near.connection.close('gone');
    await settle();
    far.start();
    expect((await far.closed()).kind).toBe('closed');
    expect(far.frames).toHaveLength(1);
    await near.closed();
  });
}

function queueTests(linked: MakeLink): void {
  /** Sends until told to wait; an operating system takes some megabytes first. */
  const fill = ({ near }: Link): number => {
    let sent = 1;
    while (near.connection.send(pattern(60_000, sent))) sent += 1;
    return sent;
  };

  it('says wait while the reader has not started, and drains when it has', async () => {
    const pair = await linked(small);
    pair.near.start();
    let sent = 0;
    do {
      sent += fill(pair);
      await settle();
    } while (pair.near.connection.queuedBytes <= 131_072);
    expect(pair.near.connection.queuedBytes).toBeLessThan(131_072 + 65_536 + 4_096);
    const drains = pair.near.drains;
    pair.far.start();
    await pair.near.until(() => pair.near.drains > drains);
    expect(pair.near.connection.queuedBytes).toBeLessThanOrEqual(32_768);
    await pair.far.until(() => pair.far.frames.length === sent);
    expect(pair.near.drains).toBe(drains + 1);
    expect(pair.far.frames.every((frame) => frame.length === 60_000)).toBe(true);
  });

  it('ends a connection whose sender does not wait, at maxQueuedBytes', async () => {
    const { near, far } = await linked(small);
    near.start();
    let highest = 0;
    for (let i = 0; i < 2_000 && near.closing === undefined; i += 1) {
      near.connection.send(new Uint8Array(60_000));
      highest = Math.max(highest, near.connection.queuedBytes);
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await near.closed()).toEqual({ kind: 'refused', reason: 'send queue limit' });
    expect(highest).toBeLessThanOrEqual(1_048_576);
    expect(near.connection.queuedBytes).toBe(0);
    far.start();
    expect((await far.closed()).kind).toMatch(/^(lost|refused)$/);
  });
}

function joiningTests(open: (limits?: FrameLimitOptions) => Promise<Transport>, setup: TransportSetup): void {
  const signal = new AbortController().signal;

  it('lets nodes join and leave while others stay', async () => {
    const server = await open();
    const ends: Observed[] = [];
    const address = await server.listen((connection) => {
      const end = new Observed(connection);
      ends.push(end.start({ frame: (bytes) => end.connection.send(bytes) }));
    });
    const clients = await Promise.all([open(), open(), open()]);
    const nears = await Promise.all(
      clients.map(async (client) => new Observed(await client.dial(address, signal)).start()),
    );
    await clients[0]?.close();
    const again = new Observed(await (await open()).dial(address, signal)).start();
    for (const [i, near] of [...nears, again].entries()) near.connection.send(pattern(9, i));
    for (const near of [...nears.slice(1), again]) await near.until(() => near.frames.length === 1);
    expect(nears[0]?.frames).toHaveLength(0);
    expect((await nears[0]?.closed())?.kind).toBe('closed');
    expect(ends).toHaveLength(4);
  });

  it('rejects a dial to nobody with PEER_UNREACHABLE', async () => {
    const client = await open();
    expect(await codeOf(client.dial(await setup.nobody(), signal))).toBe('PEER_UNREACHABLE');
  });

  it('rejects a dial that is aborted, before or during', async () => {
    const server = await open();
    const address = await server.listen(() => undefined);
    const client = await open();
    expect(await codeOf(client.dial(address, AbortSignal.abort()))).toBe('PEER_UNREACHABLE');
    const controller = new AbortController();
    const dialling = client.dial(address, controller.signal);
    controller.abort();
    expect(await codeOf(dialling)).toBe('PEER_UNREACHABLE');
  });

  it('an abort after the dial changes nothing', async () => {
    const server = await open();
    const accepted: Observed[] = [];
    const address = await server.listen((connection) => accepted.push(new Observed(connection).start()));
    const controller = new AbortController();
    const near = new Observed(await (await open()).dial(address, controller.signal)).start();
    controller.abort();
    near.connection.send(pattern(3, 3));
    while (accepted.length === 0) await settle();
    await accepted[0]?.until(() => accepted[0]?.frames.length === 1);
    expect(near.closing).toBeUndefined();
  });

  it('close ends every connection, is idempotent, and refuses to listen again', async () => {
    const server = await open();
    const client = await open();
    const { near, far } = await link(client, server);
    near.start();
    far.start();
    await Promise.all([server.close(), server.close()]);
    expect((await far.closed()).kind).toBe('closed');
    expect((await near.closed()).kind).toBe('closed');
    expect(await codeOf(server.listen(() => undefined))).toBe('LISTEN_FAILED');
  });

  it('refuses to listen twice', async () => {
    const server = await open();
    await server.listen(() => undefined);
    expect(await codeOf(server.listen(() => undefined))).toBe('LISTEN_FAILED');
  });
}
