import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { compileEarly } from '../../src/cli/early-compilation.ts';

const module = new URL('../../src/cli/early-compilation.ts', import.meta.url).href;
const loader = new URL('../../scripts/typescript.mjs', import.meta.url).href;
/** Compiles on the thread that asks: how many calls it takes does not depend on what else runs. */
const flags = ['--allow-natives-syntax', '--no-concurrent-recompilation', '--no-use-osr', '--import', loader];

/** Calls of a small function until V8 has compiled it for speed, in a process of its own. */
function callsUntilCompiled(before: string): number {
  const program = `
    const { compileEarly } = await import(${JSON.stringify(module)});
    ${before};
    const small = (left, right) => left * 31 + right;
    const isOptimized = () => (%GetOptimizationStatus(small) & 16) !== 0;
    let [calls, sum] = [0, 0];
    while (calls < 1_000_000 && !isOptimized()) sum = small(sum, calls++) % 1000;
    console.log(calls);
  `;
  const given = [...flags, '--input-type=module', '--eval', program];
  return Number(execFileSync(process.execPath, given, { encoding: 'utf8' }));
}

describe('a program that compiles early', () => {
  const isTwenty = Number.parseInt(process.versions.v8, 10) < 12;

  it.runIf(isTwenty)('has a function compiled after a fraction of its calls', () => {
    const [plainly, early] = [callsUntilCompiled(''), callsUntilCompiled('compileEarly()')];
    expect(plainly).toBeGreaterThan(1000);
    expect(early).toBeLessThan(plainly / 3);
  });

  it('leaves an engine alone that has another flag, and says so', () => {
    expect(compileEarly('12.4.254.21-node.33')).toBe(false);
  });
});
