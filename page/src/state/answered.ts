import { useEffect, useState } from 'preact/hooks';
import { type Asked, ask } from '../api/client.ts';
import { ApiProblem } from '../api/problem.ts';

type Query = NonNullable<Asked['query']>;

/** What was answered to a question that changes while it is asked. */
export interface Answered<T> {
  readonly value: T | undefined;
  readonly problem: ApiProblem | undefined;
  readonly asking: boolean;
}

/** Asks again whenever the question has changed and rested for so long; only the last answer counts. No question: nothing. */
export function useAnswer<T>(where: string, query: Query | undefined, restMs = 0): Answered<T> {
  const [state, setState] = useState<Answered<T>>({ value: undefined, problem: undefined, asking: false });
  const question = query === undefined ? undefined : JSON.stringify([where, query]);
  useEffect(() => {
    if (query === undefined) {
      setState({ value: undefined, problem: undefined, asking: false });
      return undefined;
    }
    const asking = new AbortController();
    setState((before) => ({ ...before, asking: true }));
    const settle = async (): Promise<void> => {
      const answered = await answerTo<T>(where, { query, abort: asking.signal });
      if (!asking.signal.aborted) setState(answered);
    };
    const timer = setTimeout(() => void settle(), restMs);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [question]);
  return state;
}

async function answerTo<T>(where: string, asked: Asked): Promise<Answered<T>> {
  try {
    return { value: await ask<T>(where, asked), problem: undefined, asking: false };
  } catch (error) {
    return { value: undefined, problem: ApiProblem.of(error), asking: false };
  }
}
