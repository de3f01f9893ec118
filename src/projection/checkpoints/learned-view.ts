import type { Origins } from '../../log/operations/origin.ts';
import { SessionMarks } from '../../log/operations/session-marks.ts';
import type { CheckpointHeader } from './checkpoint-header.ts';
import type { CheckpointSource } from './checkpoint-writer.ts';
import { type Learning, vectorOf } from './learning.ts';
import type { WholeTable } from '../whole-table.ts';
import type { Dot } from '../rows/dot.ts';
import type { Rows } from '../rows/rows.ts';
import { type ExpiredAhead, Versions } from '../rows/versions.ts';
import { clearOf, overtakingsOf } from './overtaken-header.ts';

/** A table as it will be once it has taken a checkpoint over, as far as a checkpoint of its own says it. */
export function afterLearning(
  table: WholeTable,
  origins: Origins,
  of: {
    readonly header: CheckpointHeader;
    readonly learning: Learning;
    readonly rows: Rows;
    readonly cleared: Dot | undefined;
    readonly ahead: readonly ExpiredAhead[];
  },
): CheckpointSource {
  const { header, learning, rows } = of;
  const before = table.held.vector();
  const held = before.copy();
  held.merge(learning.theirs);
  const effective = table.inForce.effective();
  effective.merge(vectorOf(origins, header.epoch?.base ?? []));
  const overtakings = table.held.overtakings.with(held, overtakingsOf(header, origins));
  const versions = new Versions(table.inForce.mode, rows, { origins, overtakings });
  versions.before = table.versions.before;
  versions.cleared = table.versions.cleared;
  if (of.cleared !== undefined) versions.noteCleared(of.cleared);
  versions.latestClear ??= table.versions.latestClear ?? clearOf(header, origins);
  for (const write of [...table.versions.expiredAhead(before), ...of.ahead]) versions.expireAhead(write);
  const forgotten = new Map(table.held.lives.forgotten);
  for (const [nodeId, epoch] of header.forgotten ?? [])
    forgotten.set(nodeId, Math.max(epoch, forgotten.get(nodeId) ?? -1));
  return {
    schema: table.schema,
    inForce: {
      mode: table.inForce.mode,
      epoch: table.inForce.epoch,
      documents: undefined,
      past: table.inForce.past,
      effective: () => effective,
    },
    rows,
    versions,
    held: {
      sequences: held,
      overtakings,
      vector: () => held,
      lives: { forgotten },
      contexts: new Map([...table.held.contexts, ...learning.contexts]),
      dictionaries: new Map([...table.held.dictionaries, ...learning.dictionaries]),
      sessions: sessionsAfter(table, origins, header),
    },
  };
}

function sessionsAfter(table: WholeTable, origins: Origins, header: CheckpointHeader): SessionMarks {
  const sessions = new SessionMarks();
  const held = table.held.vector();
  for (const [origin] of held.entries()) {
    const stretches = table.held.sessions.stretches(origin);
    if (stretches.length > 0) sessions.take(origin, 0, stretches);
  }
  for (const [index, [text, sequence]] of header.vector.entries()) {
    const origin = origins.intern(text);
    const before = held.get(origin);
    if (sequence > before) sessions.take(origin, before, header.written?.[index]);
  }
  return sessions;
}
