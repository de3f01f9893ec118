import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInPieces } from '../../src/log/bytes/pieced-json.ts';
import { allAtOnce } from '../../src/work/slices.ts';

const most = { values: 100_000, depth: 8 };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string): unknown => allAtOnce(readInPieces(bytesOf(text), most));
const refusal = expect.objectContaining({ code: 'OPERATION_INVALID' }) as Error;

const members = fc.dictionary(
  fc.string({ maxLength: 8 }),
  fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 12 }), fc.nat()), { maxLength: 40 }),
  ),
  { minKeys: 1 },
);

describe('JSON read in pieces', () => {
  it('gives what JSON.parse gives, whatever the members', () => {
    fc.assert(
      fc.property(members, (object) => {
        const text = JSON.stringify(object);
        expect(read(text)).toEqual(JSON.parse(text));
      }),
      { interruptAfterTimeLimit: 3000 },
    );
  });

  it('reads a long list some entries at a time', () => {
    const list = Array.from({ length: 10_000 }, (_, index) => [`n${index}@1 "],[\\`, index]);
    let steps = 0;
    const work = readInPieces(bytesOf(JSON.stringify({ list, last: 1 })), most);
    for (let step = work.next(); ; step = work.next(), steps++) {
      if (step.done !== true) continue;
      expect(step.value).toEqual({ list, last: 1 });
      break;
    }
    expect(steps).toBeGreaterThan(10);
  });

  it('makes a member of any name one of the object, and of nothing else', () => {
    const value = read('{"__proto__":{"polluted":1},"x":[]}') as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__', 'x']);
  });

  it.each([
    ['', 'nothing'],
    ['[]', 'a list'],
    ['{"a":1', 'no end'],
    ['{"a":[1,2', 'a list without an end'],
    ['{"a":1}}', 'something behind it'],
    ['{"a":1]', 'another end'],
    ['{"a":[1,]}', 'an entry that is not there'],
    ['{1:1}', 'a member without a name'],
    ['{"a":"\u0001"}', 'a text that JSON cannot say'],
    [`{"a":${'['.repeat(20)}${']'.repeat(20)}}`, 'more depth than may be'],
    [`{"a":[${'1,'.repeat(100_000)}1]}`, 'more values than may be'],
    [`{"a":[${'[[],'.repeat(1)}${'1,'.repeat(90_000)}1]]}`, 'an entry of more values than may be'],
    [`{"a":[{${Array.from({ length: 2000 }, (_, index) => `"${index}":0`).join(',')}}]}`, 'too many members'],
  ])('refuses %.40s: %s', (text) => {
    expect(() => read(text)).toThrow(refusal);
  });
});
