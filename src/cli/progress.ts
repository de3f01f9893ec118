import type logUpdate from 'log-update';
import { type FileProgress } from '../index.ts';
import { inThousands } from '../options/in-thousands.ts';
import { harmless, onNote, visible } from './output.ts';
import { shortDuration } from './short-duration.ts';

/** A line is drawn again after so many milliseconds at the earliest. */
const REDRAWN_MS = 250;
/** Work that is over before that is not shown at all. */
const QUIET_MS = 500;

/** Says how far something is. */
export interface Done {
  readonly count: number;
  /** Names the unit that is counted. */
  readonly unit: string;
  /** From 0 to 1; undefined where the end is not known. */
  readonly share: number | undefined;
}

/** Says where a line is drawn, and by which clock. */
export interface ProgressPlace {
  readonly isTTY?: boolean | undefined;
  readonly draw: (line: string) => void;
  readonly clear: () => void;
  readonly now: () => number;
}

/** One line on a terminal that says how far a long work is, how fast, and how long it still takes; nothing elsewhere. */
export class ProgressLine {
  readonly #what: string;
  readonly #place: ProgressPlace;
  readonly #isShown: boolean;
  readonly #stopListening: () => void;
  readonly #began: number;
  #drawn: number;

  constructor(what: string, { json }: { json?: boolean | undefined }, place = standardError()) {
    this.#what = visible(what);
    this.#place = place;
    this.#isShown = place.isTTY === true && json !== true;
    this.#began = place.now();
    this.#drawn = this.#began + QUIET_MS - REDRAWN_MS;
    this.#stopListening = this.#isShown ? onNote(() => place.clear()) : () => undefined;
  }

  /** May be called as often as one likes: between two lines it looks at the clock and nothing else. */
  at(done: () => Done): void {
    if (!this.#isShown) return;
    const now = this.#place.now();
    if (now - this.#drawn < REDRAWN_MS) return;
    this.#drawn = now;
    this.#place.draw(harmless(progressText(this.#what, done(), now - this.#began)));
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#place.clear();
    this.#stopListening();
  }
}

function standardError(): ProgressPlace {
  const { isTTY } = process.stderr;
  // Loaded by who has a terminal, long before the first line is drawn.
  const loading = isTTY ? import('log-update') : undefined;
  let line: typeof logUpdate | undefined;
  void loading?.then(({ createLogUpdate }) => (line = createLogUpdate(process.stderr, { showCursor: true })));
  return {
    isTTY,
    draw: (text) => line?.(text),
    clear: () => line?.clear(),
    now: () => performance.now(),
  };
}

/** Words how far something is: what was done, its share, how much in a second on average, and what is left at that rate. */
export function progressText(what: string, { count, unit, share }: Done, elapsedMs: number): string {
  const parts = [`${what}: ${inThousands(count)} ${unit}`];
  if (share !== undefined) parts.push(`${Math.floor(100 * Math.min(1, share))} %`);
  if (elapsedMs > 0) parts.push(`${inThousands((1000 * count) / elapsedMs)}/s`);
  if (share !== undefined && share > 0 && share < 1)
    parts.push(`${shortDuration((elapsedMs * (1 - share)) / share)} left`);
  return parts.join(', ');
}

const STEPS: Readonly<Record<FileProgress['step'], { readonly doing: string; readonly unit: string }>> = {
  copy: { doing: 'copying', unit: 'bytes' },
  log: { doing: 'reading the log', unit: 'operations' },
  sums: { doing: 'adding up', unit: 'bytes' },
};

/** Does something with files and shows how far it is, step by step. */
export async function withFileProgress<T>(
  flags: { readonly json?: boolean | undefined },
  act: (onProgress: (progress: FileProgress) => void) => Promise<T>,
): Promise<T> {
  let line: ProgressLine | undefined;
  let last: FileProgress = { step: 'copy', done: Infinity, total: 0 };
  try {
    return await act((progress) => {
      const { step, done, total } = progress;
      const { doing, unit } = STEPS[step];
      if (step !== last.step || done < last.done) {
        line?.end();
        line = new ProgressLine(doing, flags);
      }
      last = progress;
      line?.at(() => ({ count: done, unit, share: total === 0 ? undefined : done / total }));
    });
  } finally {
    line?.end();
  }
}
