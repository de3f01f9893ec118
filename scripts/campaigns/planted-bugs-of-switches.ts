import { type PlantedBug, bug } from './planted-bug.ts';

const CARRIED = 'test/modes/carried-past.test.ts';

/** Bugs by which a switch of mode loses, or does twice, what was written under the one that ends. */
export const bugsOfSwitches: readonly PlantedBug[] = [
  bug(
    'write again what was replaced',
    [
      'projection/switching/orphans.ts',
      'const earlier = passing.adds && passing.isOld(text, slot) ? passing.before.get(text) : undefined;',
      'const earlier = passing.isOld(text, slot) ? passing.before.get(text) : undefined;',
    ],
    ['test/modes/rival-switches.test.ts'],
  ),
  bug(
    'forget removals at a switch',
    [
      'projection/writing/own-past.ts',
      "for (const slot of rows.removals()) did(slot, { kind: 'delete', cell: undefined });",
      '',
    ],
    [CARRIED],
  ),
  bug(
    'tell a switch without what was removed since',
    [
      'projection/checkpoints/checkpoint-writer.ts',
      'mode.comparesVersions || tellsSwitch ? rows.removals() : []',
      'mode.comparesVersions ? rows.removals() : []',
    ],
    ['test/modes/switching.test.ts'],
  ),
  bug(
    'add what was begun anew to what it replaced',
    [
      'projection/writing/own-past.ts',
      "before === undefined || before.kind === 'add' ? 'add' : 'renew'",
      "before !== undefined ? 'add' : 'add'",
    ],
    [CARRIED],
  ),
  bug(
    'take what is written again for what is new',
    [
      'projection/switching/orphans.ts',
      'if (wrote && inForce.documents === undefined)',
      'if (wrote && inForce.documents !== undefined)',
    ],
    [CARRIED],
  ),
];
