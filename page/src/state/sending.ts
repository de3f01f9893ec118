import { useState } from 'preact/hooks';
import { ApiProblem } from '../api/problem.ts';

/** Something that is sent to the node when a person asks for it. */
export interface Sending {
  readonly busy: boolean;
  readonly problem: ApiProblem | undefined;
  readonly send: (what: () => Promise<void>) => void;
}

/** Sends one thing at a time, and keeps what went wrong with the last. */
export function useSending(): Sending {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | undefined>(undefined);
  const send = async (what: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await what();
    } catch (error) {
      setProblem(ApiProblem.of(error));
    }
    setBusy(false);
  };
  return { busy, problem, send: (what) => void send(what) };
}
