import { addrType, subnetType } from './address-types.ts';
import type { AtomicType } from './atomic-type.ts';
import { boolType, countType, doubleType, intType } from './numeric-types.ts';
import { enumType, patternType, portType, stringType } from './text-types.ts';
import { intervalType, timeType } from './time-types.ts';

/** Every atomic type by its name. */
export const atomicTypes: ReadonlyMap<string, AtomicType> = new Map(
  [
    boolType,
    countType,
    intType,
    doubleType,
    stringType,
    addrType,
    subnetType,
    portType,
    timeType,
    intervalType,
    enumType,
    patternType,
  ].map((type) => [type.name, type]),
);
