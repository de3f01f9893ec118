import type { Operation } from '../../src/index.ts';
import type { Member } from '../support/cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { differentLives, heldOnDisks } from './held-on-disk.ts';
import type { Ground } from './ground.ts';
import { nameOf } from './ledger.ts';
import { NodeWitness } from './node-witness.ts';
import type { Past } from './past.ts';

/** In this time nodes meet again, also where one side has not noticed yet that the other was gone: 15 s of silence, and a pause. */
const RESTORED_MS = 40_000;

/** Starts and ends nodes in every way there is, and remembers what their disks may bring back. */
export class Outages {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async start(member: Member): Promise<void> {
    const past = this.#ground.pastOf(member);
    // A node does not open on a full disk.
    if (this.#ground.disks.full === member.index) this.#ground.disks.full = -1;
    if (this.#ground.disks.failing === member.index) this.#ground.disks.failing = -1;
    past.failed = false;
    const { trimmedTo, checkpoints } = member.disk;
    if (trimmedTo > 0) this.#ground.around.count('started from a trimmed log');
    if (checkpoints.size > 0) this.#ground.around.count('started from a checkpoint');
    await this.#ground.cluster.start(member.index, (node) => {
      const loadedTo = node.log.position;
      for (const [name, { declaration }] of Object.entries(this.#ground.world.options.tables))
        node.table(name, declaration);
      past.witness = new NodeWitness(node, this.#ground.around, { ...past, loadedTo, trimmedTo });
    });
    const { position } = member.up.log;
    if (position < past.acknowledgedTo)
      throw new Error(
        `${member.id} came back at position ${position}, and ${past.acknowledgedTo} was on disk`,
      );
    past.position = position;
  }

  async joinLate(): Promise<void> {
    for (const member of this.#ground.cluster.members) {
      if (this.#ground.pastOf(member).restartAt !== Infinity) continue;
      this.#ground.around.count('late joiner');
      await this.start(member);
    }
  }

  /** Keeps what a member's disk may bring back. */
  #end(member: Member, random: SeededRandom): void {
    const past = this.#ground.pastOf(member);
    past.witness?.end();
    past.operations = past.witness?.operations.filter((operation) => this.#isDurable(operation)) ?? [];
    past.witness = undefined;
    past.restartAt = this.#ground.cluster.time.now + random.between(0, 20_000);
  }

  #isDurable({ table }: Operation): boolean {
    return this.#ground.world.options.tables[table]?.declaration.backend === 'sqlite';
  }

  flush(member: Member): void {
    const past = this.#ground.pastOf(member);
    const { witness } = past;
    const { position } = member.up.log;
    void member.up.flush().then(
      () => {
        if (past.witness !== witness || witness === undefined) return undefined;
        // At `interval` a loss of power may take what was acknowledged.
        if (this.#ground.world.options.durability === 'commit') this.#acknowledge(past, witness, position);
        return undefined;
      },
      () => undefined,
    );
  }

  #acknowledge(past: Past, { operations }: NodeWitness, position: number): void {
    const isHeld = this.#heldOfRestored();
    for (const operation of operations) {
      if (operation.position > position || !this.#isDurable(operation)) continue;
      if (isHeld(operation)) this.#ground.ledger.acknowledged.add(nameOf(operation));
      past.acknowledgedTo = Math.max(past.acknowledgedTo, operation.position);
    }
  }

  /**
   * Says whether a disk holds an operation of an author whose own was put back: a checkpoint may have brought its row
   * before it, and then it is lost for good. Of others it comes.
   */
  #heldOfRestored(): (operation: Operation) => boolean {
    const { restored } = this.#ground.around;
    if (restored.size === 0) return () => true;
    const held = heldOnDisks(this.#ground.cluster.members.map(({ disk }) => disk));
    return ({ table, origin, sequence }) =>
      !restored.has(origin.slice(0, origin.indexOf('@'))) ||
      (held.get(`${table} ${origin}`) ?? 0) >= sequence;
  }

  crash(member: Member, kind: 'crash' | 'powerLoss', random: SeededRandom): void {
    const { disk } = member;
    // The worst moment is right after a write.
    if (random.chance(0.5)) this.#ground.user.write(member.up, random);
    const kept = random.between(0, disk.underWay);
    const unsyncedLost = kind === 'powerLoss' && kept === 0 ? random.between(0, disk.atRisk) : 0;
    const torn = unsyncedLost === 0 && kept < disk.underWay && random.chance(0.5);
    if (torn) this.#ground.around.count('torn write');
    if (unsyncedLost > 0) {
      this.#ground.around.count('unsynced writes lost');
      this.#ground.lossy.add(member.id);
    }
    this.#end(member, random);
    this.#ground.cluster.crash(member.index, { kept, unsyncedLost, torn });
    this.#forgetDisk(member);
  }

  /** Takes a backup of a running node, or puts an earlier one back. */
  async restore(member: Member, random: SeededRandom): Promise<void> {
    const past = this.#ground.pastOf(member);
    const { disk } = member;
    if (past.backup === undefined || random.chance(0.3)) {
      const operations = (past.witness?.operations ?? []).filter(
        (operation) => this.#isDurable(operation) && operation.position <= disk.lastPosition,
      );
      past.backup = { copy: disk.copy(), operations };
      return;
    }
    this.#ground.around.count('restored');
    this.#end(member, random);
    this.#ground.cluster.crash(member.index);
    disk.restore(past.backup.copy);
    past.operations = past.backup.operations;
    this.#ground.around.restored.add(member.id);
    this.#ground.lossy.add(member.id);
    this.#afterLoss(member);
    await this.start(member);
  }

  /** What only a member had on its disk is gone. */
  #afterLoss(member: Member): void {
    this.#ground.pastOf(member).acknowledgedTo = 0;
    const disks = this.#ground.cluster.members.map(({ disk }) => disk);
    this.#ground.ledger.forget(this.#ground.around.restored, heldOnDisks(disks));
    this.#forgetDisk(member);
  }

  /** Nodes that wrote on an older disk before they met their peer are told of it, and start anew from an empty one. */
  async endForks(): Promise<void> {
    const { members } = this.#ground.cluster;
    if (this.#ground.around.restored.size === 0) return;
    // Rows that expire are written of without a user, as soon as the older disk is there.
    await this.#ground.cluster.run(RESTORED_MS);
    this.#ground.glance();
    const parted = members.flatMap((one, index) =>
      members.slice(0, index).flatMap((other) => differentLives(one.disk, other.disk)),
    );
    for (const name of parted) this.#checkTold(name);
    for (const member of members) {
      if (!parted.some((name) => name.includes(` ${member.id}@`))) continue;
      this.#ground.around.count('forked');
      const past = this.#ground.pastOf(member);
      this.#end(member, new SeededRandom(1));
      this.#ground.cluster.crash(member.index);
      member.disk.restore(new SimulatedDisk().copy());
      past.operations = [];
      past.adopted.clear();
      this.#afterLoss(member);
      await this.start(member);
    }
  }

  /** Somebody was told of a life, as `table origin`, of which two nodes hold different operations. */
  #checkTold(name: string): void {
    const [table = ''] = name.split(' ');
    const isOf = ({ code, table: of }: Member['events'][number]): boolean =>
      code === 'fork-detected' && of === table;
    if (!this.#ground.cluster.members.some(({ events }) => events.some(isOf)))
      throw new Error(`a name stands for two operations, and nobody was told: ${name}`);
  }

  /** What is told next may stand where something else was lost. */
  #forgetDisk(member: Member): void {
    const { disk } = this.#ground.pastOf(member);
    disk.read = 0;
    disk.held.clear();
  }

  async stop(member: Member, random: SeededRandom): Promise<void> {
    // A node that waits for room on its disk does not stop in an orderly way.
    if (this.#ground.disks.full === member.index) this.#ground.disks.full = -1;
    const { up } = member;
    const { position } = up.log;
    const past = this.#ground.pastOf(member);
    const { witness } = past;
    const closing = up.close();
    member.node = undefined;
    const clean = await this.#ground.cluster.time.until(
      closing.then(
        () => true,
        () => false,
      ),
    );
    if (clean && witness !== undefined) this.#acknowledge(past, witness, position);
    this.#end(member, random);
    this.#ground.cluster.network.kill(`ws://${member.id}`);
  }

  /** Starts what is due, and starts anew what a failed disk has stopped. */
  async restart(all = false): Promise<void> {
    const random = new SeededRandom(1);
    for (const member of this.#ground.cluster.members) {
      const past = this.#ground.pastOf(member);
      if (member.node !== undefined && past.failed) this.crash(member, 'crash', random);
      const due = all || past.restartAt <= this.#ground.cluster.time.now;
      if (member.node === undefined && due) await this.start(member);
    }
  }
}
