import type { Target } from './contest.ts';
import { p01, p02 } from './p01-local-write.ts';
import { p03, p04 } from './p03-durable-write.ts';
import { p05, p06, p07, p08 } from './p05-replication.ts';
import { p09, p10 } from './p09-rebuild.ts';
import { p11 } from './p11-fan-out.ts';
import { p12 } from './p12-bytes.ts';
import { p13 } from './p13-memory.ts';
import { p14, p15 } from './p14-modes.ts';
import { p16 } from './p16-event-loop.ts';
import { p17 } from './p17-reading.ts';
import { p18 } from './p18-size.ts';
import { p19 } from './p19-http.ts';
import { p20 } from './p20-queries.ts';
import { p21 } from './p21-views.ts';
import { p22 } from './p22-carrier.ts';

/** Every target, in order. */
export const targets: readonly Target[] = [
  p01,
  p02,
  p03,
  p04,
  p05,
  p06,
  p07,
  p08,
  p09,
  p10,
  p11,
  p12,
  p13,
  p14,
  p15,
  p16,
  p17,
  p18,
  p19,
  p20,
  p21,
  p22,
];
