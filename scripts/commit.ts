import { spawnSync } from 'node:child_process';

/** The commit that stands here, in full: what is drawn afresh is drawn from it. Throws where this is no git checkout. */
export function commitHere(instead: string): string {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  throw new Error(`fresh seeds follow from the commit, and this is no git checkout: give ${instead} instead`);
}
