import { expect, test } from 'vitest';
import { runExample } from './run-example.ts';

test.each(['react', 'vue', 'svelte'])(
  'a view in %s shows what the table holds, and then what became of it',
  async (name) => {
    const { code, stdout, stderr } = await runExample(`views/${name}.ts`);
    expect(stderr).toBe('');
    expect([code, stdout]).toEqual([0, '10.0.0.2: 6 10.0.0.3: 4\n']);
  },
);
