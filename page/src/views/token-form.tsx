import type { JSX } from 'preact';
import { useToken } from '../api/client.ts';
import type { ApiProblem } from '../api/problem.ts';
import { Note } from '../parts/text.tsx';
import { node } from '../state/node.ts';

/** Asks for the secret that the node wants. It goes into the header of each request and into this tab, nowhere else. */
export function TokenForm({ problem }: { problem: ApiProblem }): JSX.Element {
  const show = (event: SubmitEvent): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement).get('token');
    if (typeof given !== 'string' || given === '') return;
    useToken(given);
    node.again();
  };
  return (
    <form class="card stack token-form" onSubmit={show}>
      <h1>This node wants to know who looks</h1>
      <div role="alert">
        <Note tone="warn">
          {problem.message} {problem.hint}
        </Note>
      </div>
      <label class="field">
        <span>Token of a credential of this node</span>
        <input class="input" name="token" type="password" autocomplete="off" required maxLength={1024} />
      </label>
      <p class="soft small">
        You see what the credential may read, and can write what it may write. The token is kept in this tab
        until it is closed.
      </p>
      <div class="bar">
        <button type="submit" class="button primary">
          Look
        </button>
      </div>
    </form>
  );
}
