import { afterEach, describe, expect, it } from 'vitest';
import type { Transport } from '../../../src/transport/transport.ts';
import type { WebSocketOptions } from '../../../src/transport/websocket/options.ts';
import { webSocketTransport } from '../../../src/transport/websocket/websocket.ts';
import { Observed, pattern } from '../observed.ts';
import { RawClient, rawFrame, upgradeRequest } from './raw-client.ts';

const signal = new AbortController().signal;
let server: Transport | undefined;
const clients: RawClient[] = [];
const dialling: Transport[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await Promise.all([server?.close(), ...dialling.splice(0).map((transport) => transport.close())]);
});

interface Attack {
  readonly attacker: RawClient;
  readonly victim: Observed;
  /** A connection beside it that has to stay. */
  readonly bystander: Observed;
}

/** An attacker and a bystander, both connected. */
async function attack(limits: WebSocketOptions['limits'] = {}): Promise<Attack> {
  const accepted: Observed[] = [];
  server = webSocketTransport({ listen: { port: 0 }, limits: { closeTimeoutMs: 200, ...limits } });
  const address = await server.listen((connection) => {
    const end = new Observed(connection);
    accepted.push(end.start({ frame: (bytes) => connection.send(bytes) }));
  });
  const honest = webSocketTransport();
  dialling.push(honest);
  const bystander = new Observed(await honest.dial(address, signal)).start();
  const attacker = new RawClient(Number(new URL(address).port));
  clients.push(attacker);
  attacker.socket.write(upgradeRequest());
  expect(await attacker.status()).toBe(101);
  const victim = accepted[1];
  if (victim === undefined) throw new Error('the attacker was not accepted');
  return { attacker, victim, bystander };
}

async function stillThere(bystander: Observed): Promise<void> {
  bystander.connection.send(pattern(8, 8));
  await bystander.until(() => bystander.frames.length > 0);
  expect(bystander.closing).toBeUndefined();
}

describe('websocket attacks after the handshake', () => {
  const bytes = pattern(10, 1);
  const breaches: [string, Uint8Array, number, string][] = [
    ['a text frame', rawFrame(bytes, { opcode: 1 }), 1007, 'protocol'],
    ['a text frame of valid UTF-8', rawFrame(Buffer.from('hello'), { opcode: 1 }), 1003, 'text frame'],
    ['a frame that claims 1 TiB', rawFrame(bytes, { claimed: 1n << 40n }), 1009, 'frame above maxFrameBytes'],
    [
      'a frame that claims 2^63 bytes',
      rawFrame(bytes, { claimed: 1n << 63n }),
      1009,
      'frame above maxFrameBytes',
    ],
    ['an unmasked frame', rawFrame(bytes, { masked: false }), 1002, 'protocol'],
    ['a compressed frame', rawFrame(bytes, { rsv1: true }), 1002, 'protocol'],
    ['an unknown opcode', rawFrame(bytes, { opcode: 5 }), 1002, 'protocol'],
    ['a continuation of nothing', rawFrame(bytes, { opcode: 0 }), 1002, 'protocol'],
    [
      'a close frame with a code that is reserved',
      rawFrame(Buffer.from([3, 237]), { opcode: 8 }),
      1002,
      'protocol',
    ],
  ];
  it.each(breaches)('%s ends that connection only', async (_what, frame, code, reason) => {
    const { attacker, victim, bystander } = await attack();
    attacker.socket.write(frame);
    const closing = await victim.closed();
    expect(closing.kind).toBe('refused');
    expect(closing.reason).toContain(reason);
    expect(await attacker.closeCode()).toBe(code);
    expect(victim.frames).toHaveLength(0);
    await stillThere(bystander);
  });

  it('a flood of fragments ends at maxFragments', async () => {
    const { attacker, victim, bystander } = await attack();
    attacker.socket.write(rawFrame(bytes, { fin: false }));
    for (let i = 0; i < 64; i += 1)
      attacker.socket.write(rawFrame(new Uint8Array(1), { fin: false, opcode: 0 }));
    expect(await victim.closed()).toEqual({ kind: 'refused', reason: 'too many fragments' });
    await stillThere(bystander);
  });

  it('a frame in 64 fragments is still one frame', async () => {
    const { attacker, victim } = await attack();
    attacker.socket.write(rawFrame(bytes, { fin: false }));
    for (let i = 0; i < 62; i += 1)
      attacker.socket.write(rawFrame(Uint8Array.of(i), { fin: false, opcode: 0 }));
    attacker.socket.write(rawFrame(Uint8Array.of(62), { opcode: 0 }));
    await victim.until(() => victim.frames.length === 1);
    expect(victim.frames[0]).toHaveLength(73);
  });

  it('fragments that add up to more than maxFrameBytes are refused', async () => {
    const { attacker, victim } = await attack({ maxFrameBytes: 1_000 });
    attacker.socket.write(rawFrame(pattern(100, 1), { fin: false }));
    for (let i = 0; i < 10; i += 1)
      attacker.socket.write(rawFrame(pattern(100, i), { fin: false, opcode: 0 }));
    expect(await victim.closed()).toEqual({ kind: 'refused', reason: 'frame above maxFrameBytes' });
  });

  it('a frame that drips in more pieces than maxBufferedChunks is refused', async () => {
    const { attacker, victim } = await attack({ maxBufferedChunks: 8 });
    attacker.socket.setNoDelay(true);
    attacker.socket.write(rawFrame(new Uint8Array(0), { claimed: 1_000n }));
    const drip = setInterval(() => attacker.socket.write('x'), 5);
    expect((await victim.closed()).reason).toBe('too many fragments');
    clearInterval(drip);
  });

  it('one that pings without end and never reads is cut off', async () => {
    const { attacker, victim, bystander } = await attack();
    attacker.socket.pause();
    const pings = Buffer.concat(
      Array.from({ length: 5_000 }, () => rawFrame(pattern(120, 1), { opcode: 9 })),
    );
    const flood = (): void => {
      while (!attacker.socket.destroyed && attacker.socket.write(pings));
    };
    attacker.socket.on('drain', flood);
    flood();
    await victim.closed();
    await stillThere(bystander);
  });

  it('one that never answers the close frame is cut off after closeTimeoutMs', async () => {
    const { attacker, victim } = await attack();
    const started = performance.now();
    victim.connection.close('enough');
    expect(await victim.closed()).toEqual({ kind: 'closed', reason: 'enough' });
    await attacker.ended;
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it('a reset and a half-closed socket are lost, not thrown', async () => {
    const reset = await attack();
    reset.attacker.socket.resetAndDestroy();
    expect((await reset.victim.closed()).kind).toBe('lost');
    await stillThere(reset.bystander);
    await server?.close();
    const half = await attack();
    half.attacker.socket.end();
    expect((await half.victim.closed()).kind).toBe('lost');
  });

  it('what follows a close frame is not delivered', async () => {
    const { attacker, victim } = await attack();
    const goodbye = rawFrame(Buffer.from([3, 232]), { opcode: 8 });
    attacker.socket.write(Buffer.concat([rawFrame(bytes), goodbye, rawFrame(bytes), rawFrame(bytes)]));
    expect((await victim.closed()).kind).toBe('closed');
    expect(victim.frames).toHaveLength(1);
    expect(victim.afterClosed).toBe(0);
  });
});
