import { type PlantedBug, bug } from './planted-bug.ts';

const FORMS = 'test/cli/formats/every-form.test.ts';
const INPUTS = 'test/cli/real-inputs.test.ts';
const MAPPER = 'test/cli/formats/record-mapper.test.ts';
const BYTES = 'test/schema/byte-strings.test.ts';
const ZEEK = 'test/cli/formats/read-zeek.test.ts';
const JSON_LINES = 'test/cli/formats/read-json.test.ts';

/** Real logs and stores: layouts, forms of values, limits, damage, and what an import says of itself. */
export const bugsOfLogs: readonly PlantedBug[] = [
  bug(
    'spell no code point that stands for a byte',
    ['schema/byte-strings.ts', '|| isStandIn(bytes, at)) return 0;', '|| bytes.length < 0) return 0;'],
    [BYTES],
  ),
  bug(
    'write a byte of a string as its code point',
    [
      'cli/formats/text-bytes.ts',
      "  if (!text.includes('\\udb80')) return escaped;",
      '  if (text.length >= 0) return escaped;',
    ],
    [FORMS],
  ),
  bug(
    'take code points for bytes that spell UTF-8',
    ['schema/byte-strings.ts', 'return textOfBytes(bytes) === text ? bytes : undefined;', 'return bytes;'],
    [BYTES],
  ),
  bug(
    'keep the types of the header before',
    [
      'cli/formats/zeek-layout.ts',
      'types: undefined, faults };',
      "types: new Map([['a', 'count']]), faults };",
    ],
    [ZEEK],
  ),
  bug(
    'take the first of two columns with one name',
    [
      'cli/formats/zeek-layout.ts',
      'if (new Set(names).size === names.length) return undefined;',
      'if (names.length > 0) return undefined;',
    ],
    [ZEEK, INPUTS],
  ),
  bug(
    'take half a row at the end',
    ['cli/formats/zeek-reader.ts', 'reason === undefined && isEnded)', 'reason === undefined)'],
    [ZEEK],
  ),
  bug(
    'refuse a line for one value that is no JSON',
    [
      'cli/formats/json-scanner.ts',
      "    this.#fault = new JsonFault('a JSON value', this.#at);",
      "    this.#fail('a JSON value');",
    ],
    [JSON_LINES, INPUTS],
  ),
  bug(
    'let a broken value in an array pass',
    [
      'cli/formats/json-scanner.ts',
      '      if (!this.#keepFault(name)) {\n',
      "      if (!this.#keepFault(name) || name !== '') {\n",
    ],
    [JSON_LINES],
  ),
  bug(
    'take a year that is too late for milliseconds',
    [
      'cli/formats/nanoseconds.ts',
      'const LEAST_MILLISECONDS = 10n ** 12n;',
      'const LEAST_MILLISECONDS = 10n ** 11n;',
    ],
    [MAPPER],
  ),
  bug(
    'take whole numbers for seconds and milliseconds in one column',
    ['cli/formats/nanoseconds.ts', "if (this.#whole === 's')", "if (this.#whole === 's' && text === '')"],
    [MAPPER],
  ),
  bug(
    'round a double that is too large to infinity',
    [
      'cli/formats/parse-value.ts',
      'return Number.isFinite(value) ? value : new Beyond',
      'return Number.isNaN(value) === false ? value : new Beyond',
    ],
    [MAPPER],
  ),
  bug(
    'tell a value beyond a limit as one of another form',
    [
      'cli/formats/record-mapper.ts',
      '    if (value instanceof Beyond) {',
      "    if (value instanceof Beyond && text === '') {",
    ],
    [MAPPER, INPUTS],
  ),
  bug(
    'leave the elements of lists as text',
    [
      'cli/formats/list-elements.ts',
      'if (readAs === undefined) return { value: text };',
      "if (readAs === undefined || text !== '') return { value: text };",
    ],
    [MAPPER],
  ),
  bug(
    'forget what stands in a piece before its damage',
    ['cli/formats/gunzip.ts', '    yield* this.#beforeDamage(piece);\n', ''],
    [INPUTS],
  ),
  bug(
    'believe data whose checksum is another one',
    ['cli/formats/gunzip.ts', 'trailer.readUInt32LE(0) !== checksum ||', 'trailer.length === 0 ||'],
    [INPUTS],
  ),
  bug(
    'leave rows before damage unconfirmed',
    ['cli/row-import.ts', 'writes.ended(error, isUnusable(error))', 'writes.ended(error)'],
    [INPUTS],
  ),
  bug(
    'count rows that replace others as new keys',
    [
      'cli/paced-writes.ts',
      'if (table.size > size) this.newKeys++;',
      'if (table.size >= size) this.newKeys++;',
    ],
    [INPUTS],
  ),
  bug(
    'leave records out without counting them',
    ['cli/formats/record-mapper.ts', '    this.#mapping.onSkip?.(error, record);\n', ''],
    [INPUTS, MAPPER],
  ),
];
