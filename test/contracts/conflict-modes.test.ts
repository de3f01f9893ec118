import { automergeMode } from '../../src/modes/automerge/automerge.ts';
import { lwwMode } from '../../src/modes/lww.ts';
import { naiveMode } from '../../src/modes/naive.ts';
import { conflictModeContract } from './conflict-mode.contract.ts';

conflictModeContract(naiveMode);
conflictModeContract(lwwMode);
conflictModeContract(automergeMode);
