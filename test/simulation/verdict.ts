import type { MapTable, Table, TableNode } from '../../src/index.ts';
import { decodeMessage } from '../../src/replication/wire/wire.ts';
import type { Cluster, Member } from '../support/cluster.ts';
import { textOf } from '../support/naive-model.ts';
import { type Ledger, contentOf, nameOf } from './ledger.ts';
import { allowedRows } from './last-writes.ts';
import type { Past } from './past.ts';
import {
  type Hello,
  type Rows,
  difference,
  differingKeys,
  expiryOf,
  line,
  readKept,
  reported,
  rowsOf,
  show,
  stateText,
} from './readings.ts';
import { connectedWith } from '../support/connected-with.ts';
import { OWN, SUM } from './user.ts';
import type { NodeWitness } from './node-witness.ts';
import { type TableWitness, entriesOf } from './table-witness.ts';
import type { World, WorldTable } from './world.ts';

/** How long a healed cluster may take to become equal, in milliseconds of virtual time. */
const PATIENCE_MS = 120_000;
/** How long rows may go on expiring that nobody lets live. */
const EXPIRY_MS = 10_000;

/** What the verdict is given. */
export interface Case {
  readonly cluster: Cluster;
  readonly world: World;
  readonly ledger: Ledger;
  pastOf(member: Member): Past;
  glance(): void;
  /** Whether a node may have used names twice, on a disk put back to an earlier state. */
  forked(): boolean;
  /** Ids of nodes whose disk forgot what peers have. */
  readonly lossy: ReadonlySet<string>;
  /** Says whether writes are a user's from now on. */
  userWrites(writing: boolean): void;
  count(what: string): void;
}

/** Judges a world whose faults are over: what must be equal is equal, what must be there is there. */
export class Verdict {
  readonly #case: Case;
  /** Per table, what everybody holds of each origin. */
  #held = new Map<string, ReadonlyMap<string, number>>();

  constructor(given: Case) {
    this.#case = given;
  }

  /** Throws what is wrong. */
  async reach(): Promise<void> {
    await this.#becomeEqual();
    this.#checkEvents();
    for (const member of this.#members) this.#case.ledger.settle(this.#witness(member).operations);
    this.#checkAcknowledged();
    for (const name of Object.keys(this.#tables)) this.#checkRows(name);
    if (this.#members.length > 1) await this.#checkDivergence();
    await this.#repair();
    for (const member of this.#members) {
      const witness = this.#witness(member);
      witness.check();
      await this.#checkReplay(witness);
    }
  }

  get #members(): readonly Member[] {
    return this.#case.cluster.members;
  }

  get #tables(): Readonly<Record<string, WorldTable>> {
    return this.#case.world.options.tables;
  }

  #witness(member: Member): NodeWitness {
    return this.#case.pastOf(member).witness as NodeWitness;
  }

  // Becoming equal ---------------------------------------------------------------------------------------

  async #becomeEqual(): Promise<void> {
    const { cluster } = this.#case;
    const expires = Object.values(this.#tables).some(({ declaration }) => expiryOf(declaration) > 0);
    // Expiry is over when nothing is left to expire, so that no node is ahead of the others by it.
    if (expires) await cluster.run(EXPIRY_MS);
    const deadline = cluster.time.now + PATIENCE_MS;
    let before: string | undefined;
    for (let pause = 500; ; pause = Math.min(4000, pause * 2)) {
      await cluster.run(pause);
      this.#case.glance();
      const flushed = await this.#areFlushed();
      const hellos = await this.#hellos();
      const texts = hellos.map(stateText);
      const told = this.#members.map((member) => this.#witness(member).operations.length);
      const equal = flushed && new Set(texts).size === 1 ? `${texts[0]} told ${told.join(' ')}` : undefined;
      // They are not said at one moment: only what is said twice was so in between.
      if (equal !== undefined && equal === before) {
        for (const { name, held } of hellos[0]?.tables ?? []) this.#held.set(name, new Map(held));
        return;
      }
      before = equal;
      if (cluster.time.now > deadline)
        throw new Error(`not equal after ${PATIENCE_MS} ms:\n${texts.join('\n')}`);
    }
  }

  /** Whether nobody waits for a disk: a node that does has not written yet what a switch passed over. */
  async #areFlushed(): Promise<boolean> {
    const { time } = this.#case.cluster;
    const flushes = await time.until(Promise.allSettled(this.#members.map(({ up }) => up.flush())));
    return flushes.every(({ status }) => status === 'fulfilled');
  }

  /** What each node says of itself to a stranger who dials it. */
  async #hellos(): Promise<Hello[]> {
    const found: Hello[] = [];
    for (const { id } of this.#members)
      found.push(await this.#case.cluster.time.until(this.#greeting(`ws://${id}`)));
    return found;
  }

  async #greeting(address: string): Promise<Hello> {
    const stranger = this.#case.cluster.network.transport('ws://stranger');
    const connection = await stranger.dial(address, new AbortController().signal);
    const frame = await new Promise<Uint8Array>((resolve) => {
      connection.start({ frame: resolve, drain: () => undefined, closed: () => undefined });
    });
    connection.close('thank you');
    const message = decodeMessage(frame);
    if (message.type !== 'hello') throw new Error(`${address} began with ${message.type}`);
    return message.hello;
  }

  /** Nodes that play by the rules never refuse each other's frames, tables or lives. */
  #checkEvents(): void {
    for (const { id, events } of this.#members) {
      for (const { code, message, details } of events) {
        this.#case.count(`event ${code}`);
        // Clocks differ by less than what peers refuse each other for: see drawOptions.
        const wrong =
          code === 'frame-refused' ||
          code === 'table-refused' ||
          (code === 'operations-refused' && details?.['by'] !== undefined) ||
          (code === 'fork-detected' && !this.#case.forked());
        // What a failed disk does not take is not told, so that its node cannot send what it should.
        if (wrong || (code === 'send-failed' && !message.includes('simulated disk')))
          throw new Error(`${id}: ${code}: ${message}`);
      }
    }
  }

  #checkAcknowledged(): void {
    for (const name of this.#case.ledger.acknowledged) {
      const [table = '', origin = '', sequence = ''] = name.split(' ');
      if ((this.#held.get(table)?.get(origin) ?? 0) < Number(sequence))
        throw new Error(`acknowledged, but lost: ${name}`);
    }
  }

  // Rows ------------------------------------------------------------------------------------------------

  #liveTables(name: string): Table[] {
    return this.#members.map(({ up }) => up.tables.get(name) as Table);
  }

  #checkRows(name: string): void {
    const tables = this.#liveTables(name);
    const modes = new Set(tables.map(({ mode }) => mode));
    if (modes.size > 1) throw new Error(`${name} is in modes ${[...modes].join(', ')}`);
    const rows = tables.map(rowsOf);
    const differing = differingKeys(rows);
    const convergent = !modes.has('naive');
    if (convergent && differing.length > 0)
      throw new Error(
        `${name} is ${[...modes].join('')}, and differs: ${show(rows, differing[0] as string)}`,
      );
    for (const key of differing) {
      this.#case.count('different key');
      if (!this.#wasReported(name, key, rows))
        throw new Error(`${name} differs, and nobody was told: ${show(rows, key)}`);
    }
    this.#checkOwn(name, rows);
    this.#checkSums(name, tables);
    this.#checkLastWrites(name, rows[0] as Rows);
  }

  /** Whether its author may have forgotten a write: then nobody carries it over a switch. */
  #mayBeLost(name: string, origin: string): boolean {
    const { declaration, switched } = this.#tables[name] as WorldTable;
    const author = this.#members.find(({ id }) => origin.startsWith(`${id}@`));
    const forgot =
      declaration.backend === 'memory' ? (author?.lives ?? 2) > 1 : this.#case.lossy.has(author?.id ?? '');
    return switched && forgot;
  }

  /** A key that was written once, by one node, and never removed, is there. */
  #checkOwn(name: string, rows: readonly Rows[]): void {
    const { declaration, cleared } = this.#tables[name] as WorldTable;
    if (cleared || expiryOf(declaration) > 0) return;
    for (const { operation, byUser } of this.#case.ledger.held(name, this.#held.get(name) ?? new Map())) {
      if (!byUser || operation.kind !== 'set' || !String(operation.key).startsWith(OWN)) continue;
      if (this.#mayBeLost(name, operation.origin)) continue;
      const text = textOf(operation.key);
      if (rows.some((each) => each.get(text) !== textOf(operation.value)))
        throw new Error(`${nameOf(operation)} (${contentOf(operation)}) is gone: ${show(rows, text)}`);
    }
  }

  /** What was counted in automerge mode adds up. */
  #checkSums(name: string, tables: readonly Table[]): void {
    const { declaration, cleared, switched } = this.#tables[name] as WorldTable;
    if (declaration.mode !== 'automerge' || switched || cleared) return;
    const sums = new Map<string, number>();
    for (const { operation, byUser } of this.#case.ledger.held(name, this.#held.get(name) ?? new Map())) {
      const { key, kind, value } = operation;
      if (!byUser || !String(key).startsWith(SUM) || kind !== 'increment') continue;
      sums.set(String(key), (sums.get(String(key)) ?? 0) + Number(value));
    }
    for (const [key, sum] of sums) {
      this.#case.count('sum checked');
      for (const table of tables)
        if (Number((table as MapTable).get(key)) !== sum)
          throw new Error(
            `${name} ${key}: ${String((table as MapTable).get(key))} was counted, ${sum} is true`,
          );
    }
  }

  /** What stands in a convergent table is a write that no other had to replace. */
  #checkLastWrites(name: string, rows: Rows): void {
    const { declaration, switched } = this.#tables[name] as WorldTable;
    if (declaration.mode === 'naive' || switched || expiryOf(declaration) > 0) return;
    const held = this.#case.ledger.held(name, this.#held.get(name) ?? new Map());
    for (const [key, allowed] of allowedRows(declaration.mode, [...held])) {
      this.#case.count('last write checked');
      if (!allowed.has(rows.get(key)))
        throw new Error(`${name} ${key} is ${rows.get(key)}, allowed are ${[...allowed].join(' | ')}`);
    }
  }

  /**
   * Whether somebody was told why a key differs. Of two nodes that ended differently, each applied the
   * other's last operation earlier: somewhere behind that a write met what its author had not seen.
   */
  #wasReported(table: string, key: string, rows: readonly Rows[]): boolean {
    const { declaration } = this.#tables[table] as WorldTable;
    const witnesses = this.#members.map((member) => this.#witness(member).tables.get(table) as TableWitness);
    // A switch lets rows differ as well, and a row that expires elsewhere.
    if (witnesses.some(({ exact }) => !exact) || expiryOf(declaration) > 0) return true;
    if (!this.#case.ledger.reported.has(`${table} ${key}`)) return false;
    if (this.#members.some(({ lives }) => lives > 1) || witnesses.some(({ adopted }) => adopted)) return true;
    return witnesses.every((one, index) =>
      witnesses.slice(index + 1).every((other, further) => {
        if (rows[index]?.get(key) === rows[index + 1 + further]?.get(key)) return true;
        const [here, there] = [one.lastTouch(key)?.name ?? '', other.lastTouch(key)?.name ?? ''];
        return one.reportedAfter(key, there) || other.reportedAfter(key, here);
      }),
    );
  }

  // Differences -----------------------------------------------------------------------------------------

  /** Reported are exactly the keys that differ between connected nodes, once the tables have been at rest. */
  async #checkDivergence(): Promise<void> {
    const { cluster } = this.#case;
    const deadline = cluster.time.now + 40_000;
    for (;;) {
      await cluster.run(3000);
      const wrong = this.#wrongReports();
      if (wrong === undefined) return;
      if (cluster.time.now > deadline) throw new Error(wrong);
    }
  }

  #wrongReports(): string | undefined {
    for (const { id, up } of this.#members) {
      const peers = connectedWith(up);
      if (peers.length === 0) return `${id} is connected with nobody`;
      for (const name of Object.keys(this.#tables)) {
        const [told, true_] = [reported(up.tables.get(name) as Table), this.#truth(up, name, peers)];
        if (told.join('\n') !== true_.join('\n'))
          return `${id}, ${name}: reported as different\n${told.join('\n')}\ntruly different\n${true_.join('\n')}`;
      }
    }
    return undefined;
  }

  #truth(node: TableNode, name: string, peers: readonly string[]): string[] {
    const mine = rowsOf(node.tables.get(name) as Table);
    const texts: string[] = [];
    for (const { id, up } of this.#members) {
      if (!peers.includes(id)) continue;
      const theirs = rowsOf(up.tables.get(name) as Table);
      for (const key of differingKeys([mine, theirs]))
        texts.push(`${id} ${key} ${mine.get(key)} ${theirs.get(key)}`);
    }
    return texts.toSorted();
  }

  /** Ordinary operations of one node after the other make naive tables equal, too. */
  async #repair(): Promise<void> {
    const { cluster } = this.#case;
    const differ = (name: string): boolean => differingKeys(this.#liveTables(name).map(rowsOf)).length > 0;
    const names = Object.keys(this.#tables).filter(differ);
    if (names.length === 0) return;
    for (const name of names) {
      for (const { id, up } of this.#members) {
        if (!differ(name)) break;
        this.#case.count('repair');
        this.#case.userWrites(true);
        await cluster.time.until((up.tables.get(name) as Table).repair({ from: id }));
        this.#case.userWrites(false);
        await cluster.run(3000);
      }
    }
    await this.#becomeEqual();
    for (const name of names) if (differ(name)) throw new Error(`${name} was repaired, and still differs`);
    await this.#checkDivergence();
  }

  // Replay ----------------------------------------------------------------------------------------------

  async #checkReplay({ node, operations, tables }: NodeWitness): Promise<void> {
    const { time } = this.#case.cluster;
    const trimmed = this.#case.world.options.maxMemoryLogBytes !== undefined;
    // From the beginning, and from somewhere: there a reader has to find out what was said before.
    const somewhere = this.#case.world.seed % (node.log.position + 1);
    for (const from of trimmed ? [] : [0, somewhere]) {
      const { after, found } = await time.until(readKept(node, from));
      const list = operations.filter(({ position }) => position > after);
      const [replayed, live] = [found, list].map((each) => each.map(line).join('\n'));
      if (replayed !== live)
        throw new Error(
          `${node.id}: replay and live differ after ${after}\n${difference(replayed ?? '', live ?? '')}`,
        );
    }
    for (const [name, { table }] of tables) {
      if (trimmed && table.declaration.backend !== 'sqlite') continue;
      const state = await time.until(node.log.stateAt({ table: name }));
      // A batch that threw may have moved a row to the end, so the order says nothing here.
      const [replayed, live] = [[...state], entriesOf(table)].map((entries) =>
        entries
          .map(([key, value]) => `${textOf(key)} ${textOf(value)}`)
          .toSorted()
          .join('\n'),
      );
      if (replayed !== live)
        throw new Error(
          `${node.id}, ${name}: replayed rows differ\n${difference(replayed ?? '', live ?? '')}`,
        );
    }
  }
}
