import type { Target } from './contest.ts';
import { p01, p02 } from './p01-local-write.ts';
import { p03, p04 } from './p03-durable-write.ts';
import { p05, p06, p07, p08 } from './p05-replication.ts';
import { p09, p10 } from './p09-rebuild.ts';
import { p12 } from './p12-bytes.ts';

/** Every target, in order. */
export const targets: readonly Target[] = [p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p12];
