import type { AttachedTable } from './attached-table.ts';
import { missedEvent, restoredEvent } from './audit-events.ts';
import { obstacleOf } from './obstacle.ts';
import { echoOrPulse, heardKey, type Pulse } from './pulse.ts';
import { Repair, type RepairOutcome, type RepairParts } from './repair.ts';
import type { Suspicion } from './suspicion.ts';
import { RowBudget } from './row-budget.ts';
import { isSameMoment, type Moment, type TableStanding, WatchedNode } from './watched-node.ts';
import type { ZeekEvent } from '../protocol/index.ts';
import { nodeIdOf } from './script-events.ts';

/** Zeek nodes watched; the one met first is forgotten first. */
const MAX_NODES = 1024;
/**
 * Pulses in their time that say the same as the one before; a busy Zeek may send one before it has handled what came
 * earlier.
 */
const RESTING_PULSES = 2;
/** Bounds the pause after a table could not be made good, as a multiple of the first one. */
const MAX_PAUSES = 32;
/** So often in a row a table is made good before the pauses grow. */
const QUICK_TRIES = 5;

/** The parts are what finding a loss needs, beside what making it good needs. */
export interface AuditParts extends RepairParts {
  /** Prefixes of topics beside those of the tables. */
  readonly topics: readonly string[];
  /** A Zeek node said how it stands. */
  readonly pulsed: (id: string) => void;
  /** A comparison with a Zeek node found no difference. */
  readonly agreed: (attached: AttachedTable) => void;
  /** Is the pause before a table is looked at again that could not be made good, doubled each time. */
  readonly pauseMs: number;
}

/**
 * Compares what Zeek nodes say they hold, published and heard with what is here, was heard and was sent. What
 * differs was lost on its way: it is told, and made good.
 */
export class Audit {
  readonly #parts: AuditParts;
  readonly #repair: Repair;
  /** Tables whose rows at Zeek can be compared with those here. */
  readonly #tables = new Map<string, AttachedTable>();
  readonly #topics = new Set<string>();
  readonly #nodes = new Map<string, WatchedNode>();
  /** Changes sent to every Zeek node, by table. */
  readonly #shared = new Map<AttachedTable, number>();
  readonly #activity = new Map<AttachedTable, number>();
  #queue: Suspicion[] = [];
  #isRunning = false;
  readonly #budget: RowBudget;
  #isFirst = true;
  /** The Zeek process that runs the WebSocket server. */
  #server: string | undefined;

  constructor(parts: AuditParts) {
    this.#parts = parts;
    this.#repair = new Repair(parts);
    this.#budget = new RowBudget(parts.host.environment);
  }

  /** Looks after a table from now on. */
  watch(attached: AttachedTable): void {
    if (obstacleOf(attached, this.#parts.topics) !== undefined) return;
    const { topic } = attached.zeek;
    this.#tables.set(attached.name, attached);
    if (!this.#topics.has(topic)) for (const node of this.#nodes.values()) node.heardLate(topic);
    this.#topics.add(topic);
  }

  /** The connection is another one: what was on its way when the last one broke is nobody's loss. */
  begin(server: string): void {
    this.#server = server;
    this.#isFirst = this.#nodes.size === 0 && this.#shared.size === 0;
    this.#nodes.clear();
    this.#drop();
  }

  /** Nothing is looked at from now on. */
  stop(): void {
    this.#repair.stop();
    this.#drop();
  }

  #drop(): void {
    for (const { node, attached } of this.#queue) node.table(attached).isQueued = false;
    this.#queue = [];
  }

  /** A Zeek node has started, and nobody had answered it before. */
  started(id: string): void {
    const known = this.#nodes.get(id);
    if (known === undefined) this.#meet(id, true);
    else known.isNew = true;
  }

  /** A frame of a Zeek node's changes arrived. */
  heard(id: string, topic: string): void {
    if (this.#topics.has(topic)) this.#node(id).heard(topic);
  }

  /**
   * Counts what of a table is known to be lost between Zeek nodes and this one and is not made good yet: frames,
   * changes, or rows where only their numbers differ.
   */
  missed(attached: AttachedTable): number {
    let missed = 0;
    for (const node of this.#nodes.values()) {
      const { lostFrames, lostChanges, last, excused, failures, isQueued } = node.table(attached);
      const known = lostFrames + lostChanges;
      const apart = Math.abs((last?.rows ?? 0) - attached.projection.rows.size - excused);
      if (known > 0) missed += known;
      else if (last !== undefined && (isQueued || failures > 0)) missed += apart;
    }
    return missed;
  }

  /** A row changed here because Zeek changed it. */
  changed(attached: AttachedTable): void {
    this.#activity.set(attached, (this.#activity.get(attached) ?? 0) + 1);
  }

  /** Changes are on their way to a topic. */
  sent(attached: AttachedTable, topic: string, changes: number): void {
    const id = nodeIdOf(topic);
    if (id !== undefined) {
      this.#node(id).sent(attached, changes);
      return;
    }
    this.changed(attached);
    if (topic === attached.zeek.topic)
      this.#shared.set(attached, (this.#shared.get(attached) ?? 0) + changes);
  }

  /** Takes a pulse or an echo; false for any other event. */
  take(event: ZeekEvent): boolean {
    const said = echoOrPulse(event);
    if (said === undefined) return false;
    if ('number' in said) {
      const { host, outbound } = this.#parts;
      if (said.node === host.id && said.zeekNode === this.#server) outbound.answered(said.number);
    } else {
      if (said.id === this.#server) this.#parts.outbound.keepPace(said.id);
      this.#pulse(said);
    }
    return true;
  }

  #node(id: string): WatchedNode {
    return this.#nodes.get(id) ?? this.#meet(id, false);
  }

  #meet(id: string, isNew: boolean): WatchedNode {
    if (this.#nodes.size >= MAX_NODES) this.#nodes.delete(this.#nodes.keys().next().value ?? '');
    // What this life of this node has sent, it has heard, or began to listen before anything was sent.
    const hasAll = (this.#isFirst && !isNew) || this.#shared.size === 0;
    const node = new WatchedNode(id, { since: this.#parts.host.position, isNew, hasAll });
    this.#nodes.set(id, node);
    return node;
  }

  #pulse(pulse: Pulse): void {
    if (pulse.name !== '') this.#parts.nodes.meet(pulse.id, pulse.name);
    this.#parts.teller.scriptsLoaded();
    this.#parts.pulsed(pulse.id);
    const node = this.#node(pulse.id);
    node.pulsed(this.#parts.host.environment.elapsed());
    const lost = new Map(Array.from(this.#topics, (topic) => [topic, node.newlyLost(topic, pulse)]));
    for (const [name, rows] of pulse.rows) {
      const attached = this.#tables.get(name);
      if (attached === undefined || attached.isHeld) continue;
      node.table(attached).lostFrames += lost.get(attached.zeek.topic) ?? 0;
      this.#look(node, attached, this.#momentOf(node, attached, { pulse, rows }));
    }
    this.#work();
  }

  #momentOf(
    node: WatchedNode,
    attached: AttachedTable,
    { pulse, rows }: { readonly pulse: Pulse; readonly rows: number },
  ): Moment {
    const { host } = this.#parts;
    const life = `tablecast:${host.life(attached.projection.store)}`;
    return {
      rows,
      published: pulse.published && (pulse.published.get(attached.zeek.topic) ?? 0),
      heard: pulse.heard.get(heardKey(life, attached.name)) ?? 0,
      activity: this.#activityAt(node, attached),
    };
  }

  /** Counts what happened to a table as far as a Zeek node is concerned: what is sent to another one alone is not. */
  #activityAt(node: WatchedNode, attached: AttachedTable): number {
    return (this.#activity.get(attached) ?? 0) + node.direct(attached);
  }

  #look(node: WatchedNode, attached: AttachedTable, now: Moment): void {
    const standing = node.table(attached);
    const rests = this.#rests(node, attached, { standing, now });
    if (standing.isQueued) return;
    const wasSettled = standing.settled !== undefined;
    if (rests) this.#settle(standing, { sent: this.#sentTo(node, attached), heard: now.heard });
    const { lostFrames, lostChanges } = standing;
    const rowsHere = attached.projection.rows.size;
    const differs = rests && now.rows - rowsHere !== standing.excused;
    const isSuspect = differs || lostFrames + lostChanges > 0;
    if (!isSuspect && rests && now.published !== undefined) standing.evenAt = this.#parts.host.position;
    if (this.#parts.host.environment.elapsed() < standing.notBefore) return;
    if (!isSuspect && !(rests && this.#isWorthALook(standing, now))) return;
    standing.isQueued = true;
    const arrivedUntil = rests && wasSettled && lostChanges === 0 ? this.#parts.host.position : 0;
    const counts = { rowsHere, rowsAtZeek: now.rows, lostFrames, lostChanges };
    this.#queue.push({ node, attached, ...counts, arrivedUntil, moment: now, isSuspect });
  }

  /** Returns whether a table that seems to be the same is compared all the same: it has changed since it was. */
  #isWorthALook(standing: TableStanding, now: Moment): boolean {
    return now.rows > 0 && !isSameMoment(standing.compared, now) && this.#budget.spend(standing, now.rows);
  }

  /** Nothing is on its way: what the Zeek node has not heard of what was sent is lost. */
  #settle(standing: TableStanding, now: { readonly sent: number; readonly heard: number }): void {
    const { settled = now } = standing;
    // A Zeek node forgets a number that did not change for a day, and begins again.
    const heard = now.heard < settled.heard ? now.heard : now.heard - settled.heard;
    standing.lostChanges += Math.max(0, now.sent - settled.sent - heard);
    standing.settled = now;
  }

  /** Returns whether nothing happened to a table between some pulses, and nothing is on its way. */
  #rests(
    node: WatchedNode,
    attached: AttachedTable,
    { standing, now }: { readonly standing: TableStanding; readonly now: Moment },
  ): boolean {
    const isSame = isSameMoment(standing.last, now) && this.#parts.outbound.isQuiet(attached, node.id);
    if (!isSame) standing.same = 0;
    else if (node.isInTime) standing.same += 1;
    standing.last = now;
    return standing.same >= RESTING_PULSES;
  }

  #sentTo(node: WatchedNode, attached: AttachedTable): number {
    return (this.#shared.get(attached) ?? 0) + node.direct(attached);
  }

  #agree(attached: AttachedTable, standing: TableStanding, position: number): void {
    standing.agreedAt = position;
    this.#parts.agreed(attached);
    standing.failures = 0;
    standing.notBefore = 0;
  }

  #work(): void {
    if (this.#isRunning || this.#queue.length === 0) return;
    this.#isRunning = true;
    void this.#workOn().finally(() => {
      this.#isRunning = false;
    });
  }

  /** One table after the other: each question keeps a Zeek process busy. */
  async #workOn(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { node, attached, arrivedUntil } = next;
      const standing = node.table(attached);
      standing.isQueued = !this.#isOver(next);
      if (!standing.isQueued) continue;
      if (next.lostFrames + next.lostChanges > 0) this.#tell(next);
      // Numbers say that nothing was lost between these two; what another Zeek node told this one they do not say.
      const { agreedAt = 0, evenAt = 0 } = standing;
      const known = next.isSuspect ? Math.max(agreedAt, evenAt) : agreedAt;
      const { position } = this.#parts.host;
      const outcome = await this.#repair.run({ node, attached, agreedAt: known, arrivedUntil });
      standing.isQueued = false;
      if (outcome.failure === undefined) this.#repaired(next, outcome, position);
      else this.#failed(next, outcome.failure);
    }
  }

  /** Only the numbers of rows differed, and have changed since: the next pulses say whether they still do. */
  #isOver({ node, attached, lostFrames, lostChanges, moment }: Suspicion): boolean {
    return lostFrames + lostChanges === 0 && moment.activity !== this.#activityAt(node, attached);
  }

  #tell(suspicion: Suspicion): void {
    const event = missedEvent(suspicion);
    this.#parts.teller.report(event);
    const { name: table } = suspicion.attached;
    const rows = Number(event.details?.['count'] ?? 0);
    this.#parts.teller.status('diverged', { table, rows, detail: event.message });
  }

  /** The position is that of the log when the rows were asked for. */
  #repaired(suspicion: Suspicion, outcome: RepairOutcome, position: number): void {
    const { node, attached } = suspicion;
    const { undecided, left, rowsAtZeek } = outcome;
    const standing = node.table(attached);
    const rows = outcome.changed + outcome.removed + outcome.sent;
    standing.lostFrames -= suspicion.lostFrames;
    standing.lostChanges -= suspicion.lostChanges;
    // A difference that nobody can mend is not asked for again.
    standing.excused = rows + undecided === 0 ? rowsAtZeek - attached.projection.rows.size : 0;
    if (outcome.changed + outcome.removed > 0) this.changed(attached);
    if (rows > 0) {
      this.#wait(standing);
    } else if (undecided === 0) {
      standing.compared = suspicion.moment;
      if (left === 0) this.#agree(attached, standing, position);
    }
    const isKnown = suspicion.lostFrames + suspicion.lostChanges > 0;
    if (!isKnown && rows === 0) return;
    // Rows that a Zeek node had before the table was found here are nobody's loss.
    const isFirst = node.isHeardLate(attached.zeek.topic) && standing.agreedAt === undefined;
    // That only the numbers of rows differ may have other reasons.
    if (!isKnown && !isFirst) this.#tell({ ...suspicion, found: rows });
    const event = restoredEvent(suspicion, outcome);
    this.#parts.teller.report(event);
    this.#parts.teller.status('caught-up', { table: attached.name, rows, detail: event.message });
  }

  #failed({ node, attached, isSuspect }: Suspicion, failure: string): void {
    this.#wait(node.table(attached));
    if (!isSuspect) return;
    const what = `What was lost of ${attached.name} on its way is not known yet, it is asked for again`;
    this.#parts.teller.note({ code: 'zeek-missed', table: attached.name, what, example: failure });
  }

  #wait(standing: TableStanding): void {
    const pauses = 2 ** Math.max(0, standing.failures - QUICK_TRIES);
    const pause = this.#parts.pauseMs * Math.min(MAX_PAUSES, pauses);
    standing.failures += 1;
    standing.notBefore = this.#parts.host.environment.elapsed() + pause;
  }
}
