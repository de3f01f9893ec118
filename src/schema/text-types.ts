import { notA, textType, type AtomicType } from './atomic-type.ts';
import { schemaLimits } from './limits.ts';
import { Refusal } from './refusal.ts';
import { checkText, isWellFormed } from './text.ts';

const surelyFits = Math.floor(schemaLimits.maxKeyBytes / 3);

function canonicalString(value: unknown): string {
  if (typeof value !== 'string') throw notA('a string', value, 'Convert it with String() first.');
  if (value.length <= surelyFits && isWellFormed(value)) return value;
  checkText(value, schemaLimits.maxValueBytes);
  return value;
}

/** Any well-formed text up to `schemaLimits.maxValueBytes`; the empty one too. */
export const stringType: AtomicType = textType('string', canonicalString, true);

const portHint = "Write the number and tcp, udp, icmp or unknown, such as '443/tcp'.";
const protocols = ['tcp', 'udp', 'icmp', 'unknown'] as const;
const maxPort = 65_535;
const slash = 47;
const zero = 48;

/** By hand: ports are part of the commonest composite keys, and this takes a third of a regular expression's time. */
function isPort(text: string): boolean {
  let number = -1;
  let index = 0;
  for (; index < text.length && text.charCodeAt(index) !== slash; index++) {
    const digit = text.charCodeAt(index) - zero;
    if (digit < 0 || digit > 9 || number === 0) return false;
    number = number < 0 ? digit : number * 10 + digit;
    if (number > maxPort) return false;
  }
  return number >= 0 && isProtocolAt(text, index + 1);
}

function isProtocolAt(text: string, start: number): boolean {
  for (const protocol of protocols) {
    if (text.length === start + protocol.length && text.startsWith(protocol, start)) return true;
  }
  return false;
}

function canonicalPort(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? portOfParts(value) : value;
  if (typeof text === 'string') {
    if (isPort(text)) return text;
    const number = /^(\d+)\/(?:tcp|udp|icmp|unknown)$/.exec(text)?.[1];
    if (Number(number) > maxPort) throw new Refusal(`is beyond the largest port, ${maxPort}`, portHint);
  }
  throw notA('a port', text, portHint);
}

function portOfParts(value: object): unknown {
  const { port, protocol } = value as { port?: unknown; protocol?: unknown };
  return typeof port === 'number' && typeof protocol === 'string' ? `${port}/${protocol}` : value;
}

/** `443/tcp`; `{ port, protocol }` is accepted. The number is 0 to 65535, the protocol in lower case. */
export const portType: AtomicType = textType('port', canonicalPort);

const identifier = '[A-Za-z_][A-Za-z0-9_]*';
const enumForm = new RegExp(`^${identifier}(?:::${identifier})*$`);

function canonicalEnum(value: unknown): string {
  if (typeof value === 'string') {
    // Longer ones are checked for their length first: the form costs time.
    checkText(value, schemaLimits.maxKeyBytes);
    if (enumForm.test(value)) return value;
  }
  throw notA('an enum label', value, "Write its full name, such as 'Notice::ACTION_LOG'.");
}

/** The qualified name of a label; whether such a label exists is not known here. */
export const enumType: AtomicType = textType('enum', canonicalEnum);

const patternHint =
  "Write the expression between slashes and the flags i or s after them, such as '/^foo.*/i'.";

/** Returns the body with every slash escaped; undefined when the closing slash turns out to be escaped itself. */
function escapedBody(body: string): string | undefined {
  if (!body.includes('/') && !body.includes('\\')) return body;
  let escaped = '';
  for (let index = 0; index < body.length; index++) {
    const character = body.charAt(index);
    if (character === '\\') {
      if (index === body.length - 1) return undefined;
      escaped += character + body.charAt(++index);
    } else {
      escaped += character === '/' ? '\\/' : character;
    }
  }
  return escaped;
}

function canonicalPattern(value: unknown): string {
  if (typeof value !== 'string') throw notA('a pattern', value, patternHint);
  checkText(value, schemaLimits.maxValueBytes);
  const end = value.lastIndexOf('/');
  const flags = value.slice(end + 1);
  if (end < 1 || !value.startsWith('/') || !/^(?:i|s|is|si)?$/.test(flags))
    throw notA('a pattern', value, patternHint);
  const body = escapedBody(value.slice(1, end));
  if (body === undefined) throw notA('a pattern', value, patternHint);
  const canonical = `/${body}/${flags === 'si' ? 'is' : flags}`;
  checkText(canonical, schemaLimits.maxValueBytes);
  return canonical;
}

/** `/expression/` and the flags `i` and `s`; slashes inside are escaped. The expression itself is not checked. */
export const patternType: AtomicType = textType('pattern', canonicalPattern, true);
