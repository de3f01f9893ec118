import type { Measure } from './contest.ts';

/** Entry of a measured process: `child.js <module> <export> <setting as JSON> [variant]`. */
const [, , module = '', name = '', setting = '{}', variant] = process.argv;

const exports = (await import(new URL(`./${module}.js`, import.meta.url).href)) as Record<string, unknown>;
const found = exports[name] as Measure | ((variant: string) => Measure);
const measure = variant === undefined ? (found as Measure) : (found as (variant: string) => Measure)(variant);
const sample = await measure(JSON.parse(setting));
process.send?.({ sample }, () => process.exit(0));
