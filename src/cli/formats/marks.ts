/**
 * Matches what a terminal or a reader of logs acts on instead of showing it: control characters, those of C1
 * among them, the two separators that some take for the end of a line, and marks that reorder text.
 */
export const MARKS: RegExp = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** The same, but what stands raw between the values of JSON and never in them. */
const MARKS_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** `\u0085`, as JSON writes it. */
export function markEscape(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** JSON that says the same and has no mark in it. */
export function escapedJson(json: string): string {
  return json.replace(MARKS_IN_JSON, markEscape);
}
