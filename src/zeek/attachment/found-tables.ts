import { isTablecastError } from '../../errors.ts';
import { compileZeekTable, declarationOf, type ZeekTable } from '../protocol/index.ts';
import type { ZeekEvent } from '../protocol/index.ts';
import { isSendable, tableWords } from '../protocol/type-difference.ts';
import type { ZeekHost } from '../host.ts';
import { MAX_ZEEK_TABLES } from '../options.ts';
import type { Selection } from '../selection.ts';
import { type AttachedTable, attachTable } from './attached-table.ts';
import { Asked } from './asked.ts';
import { descriptionsWantedFrame, type FoundTable, readDescribed } from './described.ts';
import { FoundMemory, knownOptions } from './found-memory.ts';
import { zeekChanged, zeekFound } from './attachment-events.ts';
import type { Teller } from './teller.ts';

/** Zeek nodes that are known to have another type of one table; the one found first is forgotten first. */
const MAX_DIFFERING = 1024;

/** The parts are what finding tables needs. */
export interface FoundParts {
  readonly host: ZeekHost;
  readonly selection: Selection;
  readonly memory: FoundMemory;
  readonly teller: Teller;
  readonly attached: ReadonlyMap<string, AttachedTable>;
  /** A Zeek node that did not answer is asked again after so long. */
  readonly askAgainMs: number;
  /** A table is attached from now on. */
  attach(attached: AttachedTable): void;
  /** Every Zeek node has a table again with a type that can be sent to it. */
  released(attached: AttachedTable): void;
}

/**
 * Asks every Zeek node which tables it has and what they are: attaches those that are selected, and compares the
 * types of those that are attached.
 */
export class FoundTables {
  readonly #parts: FoundParts;
  readonly #asked = new Asked();
  /** Zeek nodes, by name, whose type of a table is another one. */
  readonly #differing = new Map<AttachedTable, Set<string>>();

  constructor(parts: FoundParts) {
    this.#parts = parts;
  }

  /** The connection is another one: every Zeek node is asked again. */
  begin(): void {
    this.#asked.clear();
  }

  /** A Zeek node is there, and has a script package that answers. */
  pulsed(id: string): void {
    const { host, teller, askAgainMs } = this.#parts;
    if (!this.#asked.isToAsk(id, { now: host.environment.elapsed(), again: askAgainMs })) return;
    teller.sendToScripts(descriptionsWantedFrame(id, host.id));
  }

  /** Takes a part of an answer; false for any other event. Never throws. */
  take(event: ZeekEvent): boolean {
    const said = readDescribed(event);
    if (said === undefined) return false;
    if (said.node !== this.#parts.host.id || !this.#asked.answered(said)) return true;
    const who = said.name === '' ? said.id : said.name;
    for (const found of said.tables) this.#take(found, who);
    this.#parts.memory.keep();
    return true;
  }

  #take(found: FoundTable, who: string): void {
    const { attached, teller } = this.#parts;
    const table = attached.get(found.name);
    try {
      if (table === undefined) this.#find(found);
      else this.#compare(table, found, who);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      const what = 'Tables that Zeek tells of cannot be attached';
      const example = `${found.name.slice(0, 80)}: ${error.message} ${error.hint ?? ''}`;
      teller.note({ code: 'zeek-refused', what, example });
    }
  }

  #find(found: FoundTable): void {
    const { host, selection, memory, teller, attached } = this.#parts;
    const { name } = found;
    const options = selection.optionsOf(name);
    if (options === undefined) return;
    const reason = this.#reasonAgainst(found);
    if (reason !== undefined) {
      const what = 'Tables that Zeek tells of cannot be attached';
      teller.note({ code: 'zeek-refused', what, example: `${name.slice(0, 80)} ${reason}` });
      return;
    }
    const table = attachTable(host, name, knownOptions(found, options));
    memory.add(found);
    this.#parts.attach(table);
    teller.report(zeekFound(name, { words: tableWords(table.zeek), expiry: found.expiry }));
    if (attached.size === MAX_ZEEK_TABLES)
      teller.note({ code: 'zeek-refused', what: 'No more tables of Zeek are attached', example: name });
  }

  /** Says why a table is not attached; undefined if it can be. */
  #reasonAgainst(found: FoundTable): string | undefined {
    const { host, selection, memory, attached } = this.#parts;
    if (found.hasOwnTopic) return 'has a topic of its own: name it in `tables`, with `type` and `topic`.';
    if (host.hasOther(found.name) && !selection.names(found.name))
      return 'is a table of this node that was not found at Zeek: name it in `tables` to share it.';
    if (attached.size >= MAX_ZEEK_TABLES)
      return `is beyond the ${MAX_ZEEK_TABLES} tables of an attachment: leave some out.`;
    if (!memory.hasRoomFor(found)) return 'is beyond the bytes of descriptions kept: leave tables out.';
    return undefined;
  }

  #compare(table: AttachedTable, found: FoundTable, who: string): void {
    const { selection, memory } = this.#parts;
    const options = selection.described.get(found.name) ?? selection.optionsOf(found.name) ?? {};
    const { topic } = table.zeek;
    const types = { ...options.types, ...found.description.types };
    const theirs = compileZeekTable(found.name, { ...found.description, types, topic });
    if (memory.has(found.name)) this.#follow(table, found, theirs);
    if (isSendable(table.zeek, theirs)) this.#fits(table, who);
    else this.#hold(table, theirs, who);
  }

  /** A table that was found is what Zeek says now, if rows of before can stay what they are. */
  #follow(table: AttachedTable, found: FoundTable, theirs: ZeekTable): void {
    const { memory, teller } = this.#parts;
    const before = memory.get(found.name);
    const [was, is] = [tableWords(table.zeek), tableWords(theirs)];
    const canFollow = JSON.stringify(declarationOf(table.zeek)) === JSON.stringify(declarationOf(theirs));
    if (!canFollow || !memory.hasRoomFor(found)) return;
    const clock = JSON.stringify(found.expiry);
    if (was === is && JSON.stringify(before?.expiry) === clock) return;
    memory.add(found);
    table.zeek = theirs;
    teller.report(zeekChanged(table.name, { was, is, expiry: found.expiry }));
  }

  #fits(table: AttachedTable, who: string): void {
    const differing = this.#differing.get(table);
    differing?.delete(who);
    if (!table.isHeld || (differing?.size ?? 0) > 0) return;
    table.isHeld = false;
    this.#parts.released(table);
  }

  #hold(table: AttachedTable, theirs: ZeekTable, who: string): void {
    const differing = this.#differing.get(table) ?? new Set<string>();
    if (!differing.has(who) && differing.size >= MAX_DIFFERING)
      differing.delete(differing.values().next().value ?? '');
    this.#differing.set(table, differing.add(who));
    table.isHeld = true;
    const what = `${table.name} is ${tableWords(table.zeek)} here, and ${tableWords(theirs)} at Zeek: nothing of it is sent or taken`;
    this.#parts.teller.note({ code: 'zeek-refused', table: table.name, what, example: who });
  }
}
