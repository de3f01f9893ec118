import { signal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiProblem } from '../api/problem.ts';

/** What was asked for last, and what went wrong with asking since. */
export interface Polled<T> {
  readonly value: T | undefined;
  readonly problem: ApiProblem | undefined;
  /** When `value` came, in milliseconds since 1970. */
  readonly at: number;
}

/** Something that is asked for again and again while somebody looks at it. */
export class Poll<T> {
  readonly state: Signal<Polled<T>> = signal({ value: undefined, problem: undefined, at: 0 });
  readonly #ask: (abort: AbortSignal) => Promise<T>;
  readonly #everyMs: number;
  #watchers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;

  constructor(ask: (abort: AbortSignal) => Promise<T>, everyMs: number) {
    this.#ask = ask;
    this.#everyMs = everyMs;
  }

  /** Asks until the returned function is called. One question is under way at a time; none while the page is hidden. */
  watch(): () => void {
    this.#watchers++;
    if (this.#watchers === 1) {
      document.addEventListener('visibilitychange', this.#shown);
      void this.#run();
    }
    return () => {
      this.#watchers--;
      if (this.#watchers > 0) return;
      document.removeEventListener('visibilitychange', this.#shown);
      clearTimeout(this.#timer);
      this.#asking?.abort();
      this.#asking = undefined;
    };
  }

  /** Asks now. */
  again(): void {
    if (this.#watchers > 0) void this.#run();
  }

  readonly #shown = (): void => {
    if (!document.hidden) this.again();
  };

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const value = await this.#ask(asking.signal);
      if (asking.signal.aborted) return;
      this.state.value = { value, problem: undefined, at: Date.now() };
    } catch (error) {
      if (asking.signal.aborted) return;
      this.state.value = { ...this.state.value, problem: ApiProblem.of(error) };
    }
    if (!document.hidden) this.#timer = setTimeout(() => void this.#run(), this.#everyMs);
  }
}

/** What a poll has at present, asked for while the component is shown. */
export function usePolled<T>(poll: Poll<T>): Polled<T> {
  useEffect(() => poll.watch(), [poll]);
  return poll.state.value;
}
