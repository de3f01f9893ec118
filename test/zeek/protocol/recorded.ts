/** Conversations with Zeek, one JSON line per frame; see test/zeek/protocol/fixtures/README.md. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** One frame as it went over the wire, or a remark. */
export interface RecordedFrame {
  readonly line: number;
  readonly peer: string;
  readonly dir: 'in' | 'out';
  readonly text: string;
  /** The remark before it, if any. */
  readonly note: string | undefined;
  /** Clients that were closed since the frame before it. */
  readonly closed: readonly string[];
}

export interface RecordedConversation {
  readonly name: string;
  readonly frames: readonly RecordedFrame[];
  readonly notes: readonly string[];
}

const here = fileURLToPath(new URL('.', import.meta.url));

/** Made for this repository, in the format of the recordings. */
export const fixtureFolder: string = join(here, 'fixtures');
/** Recorded from a real Zeek; beside the repository, if at all, or where ZEEK_RECORDINGS says. */
const recordings = process.env['ZEEK_RECORDINGS'] ?? join(here, '../../../../shared/zeek');
export const recordedFolder: string = join(recordings, 'frames');
export const storeFolder: string = join(recordings, 'broker-store');
export const hasRecordings: boolean = existsSync(recordedFolder);
export const hasStores: boolean = existsSync(storeFolder);

const frameLine = /^\{"t":[0-9.]+,"peer":"([^"]*)","dir":"(in|out)","(frame|not_json)":(.*)\}$/;

function readConversation(folder: string, name: string): RecordedConversation {
  const frames: RecordedFrame[] = [];
  const notes: string[] = [];
  let note: string | undefined;
  let closed: string[] = [];
  for (const [at, line] of readFileSync(join(folder, name), 'utf8').split('\n').entries()) {
    const match = frameLine.exec(line);
    if (match !== null) {
      const [, peer = '', dir, member, raw = ''] = match;
      const text = member === 'frame' ? raw : String(JSON.parse(raw));
      frames.push({ line: at + 1, peer, dir: dir === 'in' ? 'in' : 'out', text, note, closed });
      closed = [];
    } else if (line !== '') {
      note = String((JSON.parse(line) as { note: unknown }).note);
      notes.push(note);
      const gone = /^([\w-]+): closed/.exec(note)?.[1];
      if (gone !== undefined) closed.push(gone);
    }
  }
  return { name, frames, notes };
}

export function conversations(folder: string): readonly RecordedConversation[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return names.toSorted().map((name) => readConversation(folder, name));
}
