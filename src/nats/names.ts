import type { Subject } from '../carrier/carrier.ts';

/** The names under which a server keeps what belongs to a group. */
export interface GroupNames {
  /** The stream of messages, and what its subjects begin with. */
  readonly stream: string;
  readonly prefix: string;
  /** The stream of checkpoints, and what its subjects begin with. */
  readonly rows: string;
  readonly rowsPrefix: string;
  /** Begins the subjects of notes, which no stream keeps. */
  readonly notesPrefix: string;
}

export function namesOfGroup(group: string): GroupNames {
  return {
    stream: `TABLECAST_${group}`,
    prefix: `tablecast.${group}`,
    rows: `TABLECAST_${group}_ROWS`,
    rowsPrefix: `tablecast-rows.${group}`,
    notesPrefix: `tablecast-notes.${group}`,
  };
}

/** A token of a subject as NATS takes it: what separates tokens, or stands for several, is written as in addresses. */
export function encodeToken(token: string): string {
  return encodeURIComponent(token).replace(
    /[.*!'()~]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function encodeSubject(prefix: string, subject: Subject): string {
  return [prefix, ...subject.map(encodeToken)].join('.');
}

/** Reads what {@link encodeSubject} wrote; undefined for what it did not. */
export function decodeSubject(prefix: string, text: string): Subject | undefined {
  if (!text.startsWith(`${prefix}.`)) return undefined;
  try {
    return text
      .slice(prefix.length + 1)
      .split('.')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
