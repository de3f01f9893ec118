/**
 * Reads a type in the words of a Zeek script, so that a declaration can be pasted:
 * `table[string] of Demo::Rec`, with `Demo::Rec` given beside it as `record { a: count; … }`.
 */
import { TablecastError } from '../../errors.ts';
import type { AtomicKind, ZeekField, ZeekType } from './zeek-type.ts';

/** Texts of the types a declaration mentions by name. */
export type NamedTypes = ReadonlyMap<string, string>;

const atomicKinds: ReadonlySet<string> = new Set<AtomicKind>([
  'bool',
  'count',
  'int',
  'double',
  'string',
  'addr',
  'subnet',
  'port',
  'time',
  'interval',
  'pattern',
]);

const tokenPattern =
  /\s*(?:#[^\n]*\n\s*)*([A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*|&[a-z_]+|[[\]{}:;,=]|$|.)/y;
const maxTypeText = 100_000;
const maxTypeDepth = 16;

class TypeParser {
  readonly #text: string;
  readonly #named: NamedTypes;
  readonly #open: readonly string[];
  #at = 0;
  #next = '';
  #depth = 0;

  constructor(text: string, named: NamedTypes, open: readonly string[]) {
    if (text.length > maxTypeText) throw bad(`a type of ${text.length} characters`, 'Shorten it.');
    this.#text = text;
    this.#named = named;
    this.#open = open;
    this.#step();
  }

  /** Returns the whole text as one type. */
  only(): ZeekType {
    const type = this.type();
    this.#expect('');
    return type;
  }

  type(): ZeekType {
    this.#depth += 1;
    if (this.#depth > maxTypeDepth) throw bad('types nested too deeply', `At most ${maxTypeDepth} levels.`);
    const type = this.#type(this.#step());
    this.#depth -= 1;
    return type;
  }

  #type(word: string): ZeekType {
    if (atomicKinds.has(word)) return { kind: word as AtomicKind };
    switch (word) {
      case 'set':
        return { kind: 'set', index: this.#index() };
      case 'table': {
        const index = this.#index();
        this.#expect('of');
        return { kind: 'table', index, value: this.type() };
      }
      case 'vector':
        this.#expect('of');
        return { kind: 'vector', element: this.type() };
      case 'record':
        return { kind: 'record', fields: this.#fields() };
      case 'enum':
        return { kind: 'enum', labels: this.#next === '{' ? this.#labels() : undefined };
      default:
        return this.#reference(word);
    }
  }

  #reference(name: string): ZeekType {
    const text = this.#named.get(name);
    if (text === undefined) {
      throw bad(`the type "${name.slice(0, 80)}", which is not described`, 'Describe it under "types".');
    }
    if (this.#open.includes(name))
      throw bad(`the type "${name}" inside itself`, 'Tables of it cannot be shared.');
    const type = new TypeParser(text, this.#named, [...this.#open, name]).only();
    return type.kind === 'enum' ? { kind: 'enum', labels: qualified(type.labels, name) } : type;
  }

  #index(): readonly ZeekType[] {
    this.#expect('[');
    const index = [this.type()];
    while (this.#next === ',') {
      this.#step();
      index.push(this.type());
    }
    this.#expect(']');
    return index;
  }

  #fields(): readonly ZeekField[] {
    this.#expect('{');
    const fields: ZeekField[] = [];
    while (this.#next !== '}') {
      const name = this.#name();
      this.#expect(':');
      const type = this.type();
      fields.push({ name, type, optional: this.#attributes() });
      this.#expect(';');
    }
    this.#expect('}');
    return fields;
  }

  /** Skips a field's attributes; true if `&optional` is among them. */
  #attributes(): boolean {
    let optional = false;
    while (this.#next !== ';' && this.#next !== '') {
      optional ||= this.#next === '&optional';
      this.#step();
    }
    return optional;
  }

  #labels(): ReadonlySet<string> {
    this.#expect('{');
    const labels = new Set<string>();
    while (this.#next !== '}') {
      labels.add(this.#name());
      if (this.#next === ',') this.#step();
    }
    this.#expect('}');
    return labels;
  }

  #name(): string {
    if (!/^[A-Za-z_]/.test(this.#next)) throw bad(`"${this.#next}" where a name belongs`, hint);
    return this.#step();
  }

  #expect(token: string): void {
    if (this.#next !== token) {
      throw bad(`"${this.#next}" where ${token === '' ? 'the end' : `"${token}"`} belongs`, hint);
    }
    this.#step();
  }

  /** Returns the present token; moves on to the next. */
  #step(): string {
    const present = this.#next;
    tokenPattern.lastIndex = this.#at;
    const match = tokenPattern.exec(this.#text);
    this.#at += match?.[0].length ?? 0;
    this.#next = match?.[1] ?? '';
    return present;
  }
}

const hint = 'Write the type as the Zeek script does, such as "table[addr, port] of count".';

function bad(what: string, how: string): TablecastError {
  return new TablecastError('DECLARATION_INVALID', `The Zeek type has ${what}.`, { hint: how });
}

const GLOBAL = 'GLOBAL::';

/** Labels live in the module of their enum: RED of Demo::Color is Demo::RED. One of no module is GLOBAL::RED. */
function qualified(
  labels: ReadonlySet<string> | undefined,
  enumName: string,
): ReadonlySet<string> | undefined {
  const at = enumName.lastIndexOf('::');
  const module = at < 0 ? '' : enumName.slice(0, at + 2);
  return labels && new Set([...labels].map((label) => qualifiedLabel(label, module)));
}

function qualifiedLabel(label: string, module: string): string {
  if (label.startsWith(GLOBAL)) return label.slice(GLOBAL.length);
  return label.includes('::') ? label : module + label;
}

/**
 * Returns the type that a text in Zeek's own syntax describes. Attributes of fields other than `&optional`
 * are skipped; a default does not matter, because Zeek fills it in before it publishes.
 *
 * @throws TablecastError `DECLARATION_INVALID`
 */
export function parseZeekType(text: string, named: NamedTypes = new Map()): ZeekType {
  return new TypeParser(text, named, []).only();
}
