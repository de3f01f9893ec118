import type { Target } from './contest.ts';
import { p01, p02 } from './p01-local-write.ts';
import { p03, p04 } from './p03-durable-write.ts';

/** Every target, in order. */
export const targets: readonly Target[] = [p01, p02, p03, p04];
