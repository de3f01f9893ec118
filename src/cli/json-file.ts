import { readText } from './credentials.ts';
import { usageError } from './failure.ts';
import { JsonFault, scanJsonObject } from './formats/json-scanner.ts';

/**
 * Reads what a JSON file of options holds. Throws `OPTION_INVALID` with line and column of a mistake, and
 * nothing of what stands there: such a file may hold secrets, and what JavaScript says of a mistake repeats
 * its surroundings.
 */
export function readJsonFile(path: string, what: string, hint: string): unknown {
  const text = readText(path, what);
  try {
    return JSON.parse(text);
  } catch {
    throw usageError(`${path} is not JSON${placeIn(text)}.`, hint);
  }
}

/** Finds where a text stops being a JSON object, and what should stand there. */
function placeIn(text: string): string {
  try {
    scanJsonObject(text);
    return '';
  } catch (error) {
    if (!(error instanceof JsonFault)) return '';
    const before = text.slice(0, error.at).split('\n');
    return `: line ${before.length}, column ${(before.at(-1) ?? '').length + 1} expects ${error.expected}`;
  }
}
