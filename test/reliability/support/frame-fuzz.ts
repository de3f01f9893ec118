import { setImmediate } from 'node:timers/promises';
import { isTablecastError } from '../../../src/errors.ts';
import { decodeRun, readRunHeader } from '../../../src/log/runs/run.ts';
import { decodeSegment } from '../../../src/log/runs/segment.ts';
import { SLICE_UNITS } from '../../../src/work/slices.ts';
import { decodeCheckpoint } from '../../../src/projection/checkpoints/checkpoint-reader.ts';
import { type Message, decodeMessage } from '../../../src/replication/wire/wire.ts';
import { type Schema, type TableDeclaration, compileSchema } from '../../../src/schema/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { threadTime } from '../../support/thread-time.ts';
import { collectedHeap } from './collected-heap.ts';
import { dearChanges, frameOfChanges, undueChanges } from './dear-changes.ts';
import { DEAR_VALUES, dearValues, frameOfTexts } from './dear-frames.ts';
import { type FakePeer, NodeUnderAttack } from './fake-peer.ts';
import { mutateFrame } from './mutate.ts';
import { declarations, declareAll, validFrames } from './valid-frames.ts';

/** No frame may keep the event loop longer than this. */
export const MOST_MS = 50;

/** What mutated frames did. */
export interface FuzzReport {
  frames: number;
  /** Taken by the decoders, and refused with a typed error. */
  taken: number;
  refused: number;
  sessions: number;
  /** Sessions that the node ended. */
  ended: number;
  /** Processor time of the slowest frame, in milliseconds. */
  slowestMs: number;
  /** Processor time of the slowest slice of what the dearest frames take. */
  slowestSliceMs: number;
  slices: number;
  /** Heap at the end beyond that after the first tenth, in bytes, collected both times. */
  growthBytes: number;
  readonly problems: string[];
}

const schemas = new Map<string, Schema>(
  Object.entries(declarations).map(([name, declaration]) => [name, compileSchema(name, declaration)]),
);

/** The schema of a table, of another one for a name that a mutation made. */
function schemaOf(table: string): Schema {
  return schemas.get(table) ?? (schemas.get('counts') as Schema);
}

/** Gives mutated frames to the decoders, and then to sessions of a real node. */
export class FrameFuzz {
  readonly #random: SeededRandom;
  readonly #corpus: readonly Uint8Array[];
  readonly #checkpoint: Extract<Message, { type: 'checkpoint' }>[];
  #slowestSliceMs = 0;
  readonly report: FuzzReport = {
    frames: 0,
    taken: 0,
    refused: 0,
    sessions: 0,
    ended: 0,
    slowestMs: 0,
    slowestSliceMs: 0,
    slices: 0,
    growthBytes: 0,
    problems: [],
  };

  private constructor(corpus: readonly Uint8Array[], seed: number) {
    this.#corpus = corpus;
    this.#random = new SeededRandom(seed);
    this.#checkpoint = corpus
      .map((frame) => decodeMessage(frame))
      .filter((message) => message.type === 'checkpoint');
  }

  static async of(seed: number): Promise<FrameFuzz> {
    return new FrameFuzz(await validFrames(), seed);
  }

  /** Decoders alone: message, runs, segments, checkpoints. */
  async decode(count: number): Promise<void> {
    const settle = Math.floor(count / 10);
    let before = 0;
    for (let index = 0; index < count; index++) {
      const frame = mutateFrame(this.#corpus, this.#random);
      const work = () => this.#decodeAll(frame);
      if (this.#timed(frame, work, () => work)) this.report.refused++;
      else this.report.taken++;
      if (index === settle) before = collectedHeap();
      if (index % 1000 === 0) await setImmediate();
    }
    this.report.growthBytes = Math.max(this.report.growthBytes, collectedHeap() - before);
  }

  #decodeAll(frame: Uint8Array): void {
    const message = decodeMessage(frame);
    if (message.type === 'checkpoint') {
      const schema = schemaOf(message.table);
      // Alone as a header, and in the place of each chunk of a checkpoint that is right otherwise.
      const chunks = this.#checkpoint.map(({ chunk, index }) =>
        index === message.index ? message.chunk : chunk,
      );
      decodeCheckpoint(chunks, schema, false);
    }
    if (message.type !== 'runs') return;
    for (const run of message.runs) {
      const { table } = readRunHeader(run);
      decodeRun(run, schemaOf(table).column);
    }
    decodeSegment(frame.subarray(1));
  }

  /** Sessions of a real node: each says hello and then up to twenty mutated frames. */
  async attack(count: number): Promise<void> {
    let target: NodeUnderAttack | undefined;
    for (let done = 0; done < count; this.report.sessions++) {
      // A new node now and then, so that what was taken does not pile up.
      if (this.report.sessions % 200 === 0) {
        await this.#stillWorks(target);
        target = await this.#victim();
        declareAll(target.node);
      }
      done += await this.#session(target as NodeUnderAttack);
    }
    await this.#stillWorks(target);
  }

  /** Frames that are valid and as dear as they may be, each in a session of its own. */
  async attackDearly(): Promise<void> {
    for (const [what, text] of dearValues) {
      let least = Infinity;
      for (let tries = 0; tries < 20 && least > MOST_MS * 0.8; tries++)
        least = Math.min(least, await this.#attackWith(text));
      this.report.slowestSliceMs = Math.max(this.report.slowestSliceMs, least);
      if (least > MOST_MS) this.#problem(new Uint8Array(0), `${what}: a slice of ${least.toFixed(0)} ms`);
    }
  }

  /** Frames of changes that are as dear as they may be, and dearer, each in a session of its own. */
  async attackWithChanges(): Promise<void> {
    for (const [what, runs] of [...dearChanges, ...undueChanges]) {
      const frame = frameOfChanges(runs, 'evil');
      let least = Infinity;
      for (let tries = 0; tries < 60 && least > MOST_MS * 0.8; tries++)
        least = Math.min(least, await this.#attackWithChanges(frame));
      this.report.slowestSliceMs = Math.max(this.report.slowestSliceMs, least);
      if (least > MOST_MS) this.#problem(new Uint8Array(0), `${what}: a slice of ${least.toFixed(0)} ms`);
    }
  }

  /** Processor time of the slowest slice of what a frame of changes takes, whether it is taken or refused. */
  async #attackWithChanges(frame: Uint8Array): Promise<number> {
    this.#slowestSliceMs = 0;
    const target = await this.#victim();
    const table = target.node.table('t', { key: 'string', value: 'int', mode: 'automerge' });
    table.changes.subscribe(() => undefined);
    const peer = target.connect();
    peer.greet('evil');
    let ended = false;
    this.#slice(() => peer.deliver(frame));
    this.report.frames++;
    // A pong comes behind everything that was sent before.
    peer.say({ type: 'ping', time: 1 });
    for (let turn = 0; turn < 10_000 && !ended; turn++) {
      await setImmediate();
      ended = peer.closedWith !== undefined || peer.messages('pong').length > 0;
    }
    if (!ended) this.#problem(frame.subarray(0, 64), 'a dear frame of changes that was never done');
    await this.#stillWorks(target);
    return this.#slowestSliceMs;
  }

  /** Processor time of the slowest slice of what a frame full of a value takes. */
  async #attackWith(text: string): Promise<number> {
    this.#slowestSliceMs = 0;
    const target = await this.#victim();
    const peer = target.connect();
    peer.greet('evil');
    const texts = Array.from({ length: DEAR_VALUES }, () => text);
    const frame = frameOfTexts(texts, 'documents', 'evil');
    this.#timed(
      frame,
      () => peer.deliver(frame),
      () => () => undefined,
    );
    const table = target.node.table('documents', declarations['documents'] as TableDeclaration);
    for (let turn = 0; turn < 10_000 && table.size < DEAR_VALUES; turn++) await setImmediate();
    if (table.size < DEAR_VALUES) this.#problem(frame, 'a dear frame that was not taken');
    await this.#stillWorks(target);
    return this.#slowestSliceMs;
  }

  async #victim(): Promise<NodeUnderAttack> {
    const target = await NodeUnderAttack.open(
      { id: 'victim', limits: { maxMemoryLogBytes: 1 << 20 } },
      { units: SLICE_UNITS, defer: (task) => void setImmediate().then(() => this.#slice(task)) },
    );
    declareAll(target.node);
    return target;
  }

  #slice(task: () => void): void {
    const { ms, thrown } = measured(task);
    this.report.slices++;
    this.#slowestSliceMs = Math.max(this.#slowestSliceMs, ms);
    if (thrown !== undefined)
      this.#problem(
        new Uint8Array(0),
        `a slice threw ${thrown instanceof Error ? thrown.message : 'no error'}`,
      );
  }

  async #session(target: NodeUnderAttack): Promise<number> {
    const peer = target.connect();
    if (this.#random.chance(0.8)) peer.greet(this.#random.chance(0.9) ? 'evil' : 'constructor');
    let count = 0;
    for (const most = this.#random.between(1, 20); count < most && peer.closedWith === undefined; count++) {
      const frame = mutateFrame(this.#corpus, this.#random);
      this.#timed(
        frame,
        () => peer.deliver(frame),
        () => this.#again(target, frame),
      );
      if (this.#random.chance(0.2)) await setImmediate();
    }
    if (peer.closedWith !== undefined) this.report.ended++;
    peer.close('the end of the attack');
    await setImmediate();
    return count;
  }

  /** The node goes on: it takes writes, and an honest peer gets them. */
  async #stillWorks(target: NodeUnderAttack | undefined): Promise<void> {
    if (target === undefined) return;
    const honest = target.connect();
    honest.greet('honest');
    target.node
      .table('counts', { key: 'string', value: 'count', backend: 'memory' })
      .set('after the attack', 1);
    for (let turn = 0; turn < 200 && !hasTold(honest); turn++) await setImmediate();
    if (honest.closedWith !== undefined)
      this.report.problems.push(`an honest peer was refused: ${honest.closedWith}`);
    if (!hasTold(honest)) this.report.problems.push('an honest peer got nothing after the attack');
    await target.close();
  }

  /** The same frame in a session of its own. */
  #again(target: NodeUnderAttack, frame: Uint8Array): () => void {
    const peer = target.connect();
    if (decodesAsHello(frame)) return () => peer.deliver(frame);
    peer.greet(`again-${this.#random.between(0, 1e9)}`);
    return () => peer.deliver(frame);
  }

  /** Does some work with a frame; `again` prepares the same once more. Returns whether it was refused. */
  #timed(frame: Uint8Array, work: () => void, again: () => () => void): boolean {
    this.report.frames++;
    let { ms, thrown } = measured(work);
    if (thrown !== undefined && !isTablecastError(thrown)) {
      this.#problem(
        frame,
        thrown instanceof Error ? (thrown.stack ?? thrown.message) : 'something that is no error',
      );
    }
    // A pause of the collector does not come three times.
    for (let tries = 0; tries < 2 && ms > MOST_MS; tries++) ms = Math.min(ms, measured(again()).ms);
    this.report.slowestMs = Math.max(this.report.slowestMs, ms);
    if (ms > MOST_MS) this.#problem(frame, `${ms.toFixed(0)} ms of processor time`);
    return thrown !== undefined;
  }

  #problem(frame: Uint8Array, what: string): void {
    if (this.report.problems.length < 20)
      this.report.problems.push(`${Buffer.from(frame).toString('base64').slice(0, 400)}: ${what}`);
  }
}

/** Processor time that some work takes, in milliseconds: steadier than a clock on a busy machine. */
function measured(work: () => void): { ms: number; thrown: unknown } {
  const time = threadTime();
  let thrown: unknown;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  return { ms: time(), thrown };
}

function decodesAsHello(frame: Uint8Array): boolean {
  return frame[0] === 1;
}

function hasTold(peer: FakePeer): boolean {
  return peer.messages('runs').length > 0 || peer.messages('checkpoint').length > 0;
}
