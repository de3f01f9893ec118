import type { BeginSpan, SpanFacts } from '../environment.ts';

/** A span is one piece of work with a beginning and an end; that of `@opentelemetry/api` is one. */
export interface Span {
  setAttributes(attributes: SpanFacts): unknown;
  /** Takes an error, which makes the span one that failed. */
  recordException(error: Error): void;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** A tracer makes spans; that of `@opentelemetry/api` is one. It must not throw. */
export interface Tracer {
  startSpan(name: string, options: { kind?: number; attributes?: Record<string, string | number> }): Span;
}

/** SpanKind of the API: its numbers are stable, and nobody who does not trace needs the package. */
const KINDS = { commit: 0, send: 3, apply: 4 } as const;
/** SpanStatusCode.ERROR of the API. */
const FAILED = 2;

/** Begins spans of a node with a tracer. A name has `tablecast.` before it, and so has each fact. */
export function spansOf(tracer: Tracer, node: string): BeginSpan {
  return (name, facts) => {
    const attributes = attributesOf({ node, ...facts });
    const span = tracer.startSpan(`tablecast.${name}`, { kind: KINDS[name], attributes });
    return (more = {}, error) => {
      span.setAttributes(attributesOf(more));
      if (error !== undefined) fail(span, error);
      span.end();
    };
  };
}

function fail(span: Span, error: unknown): void {
  const known = error instanceof Error ? error : new Error(String(error));
  span.recordException(known);
  span.setStatus({ code: FAILED, message: known.message });
}

function attributesOf(facts: SpanFacts): Record<string, string | number> {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [`tablecast.${name}`, value]));
}
