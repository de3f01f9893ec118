import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { openNode } from 'tablecast';
import { describe, expect, it, onTestFinished } from 'vitest';

interface Traced {
  readonly tracer: Tracer;
  /** Spans that have ended, by their names. */
  spans(this: void, name: string): readonly ReadableSpan[];
}

function traced(): Traced {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return {
    tracer: provider.getTracer('test'),
    spans: (name) => exporter.getFinishedSpans().filter((span) => span.name === name),
  };
}

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-traced-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const HOSTS = { key: 'addr', value: 'count' } as const;

describe('a node with a tracer', () => {
  it('tells of each commit, frame sent and frame applied, how much it was and with whom', async () => {
    const [here, there] = [traced(), traced()];
    const options = { id: 'one', directory: temporary(), listen: { port: 0 }, tracing: here.tracer };
    const one = await openNode(options);
    onTestFinished(() => one.close());
    const two = await openNode({ id: 'two', peers: [String(one.address)], tracing: there.tracer });
    onTestFinished(() => two.close());
    two.table('hosts', HOSTS);
    one.batch(() => {
      const hosts = one.table('hosts', { ...HOSTS, backend: 'sqlite' });
      for (let n = 0; n < 3; n++) hosts.set(`10.0.0.${n}`, n);
    });
    await one.flush({ peers: 1 });

    const commit = here
      .spans('tablecast.commit')
      .find(({ attributes }) => attributes['tablecast.operations'] === 3);
    expect(commit).toMatchObject({ kind: SpanKind.INTERNAL, status: { code: SpanStatusCode.UNSET } });
    expect(commit?.attributes).toMatchObject({ 'tablecast.node': 'one', 'tablecast.backend': 'sqlite' });
    expect(commit?.attributes['tablecast.bytes']).toBeGreaterThan(20);

    const [send] = here.spans('tablecast.send');
    expect(send?.kind).toBe(SpanKind.PRODUCER);
    expect(send?.attributes).toMatchObject({ 'tablecast.peer': 'two', 'tablecast.operations': 3 });

    const [apply] = there.spans('tablecast.apply');
    expect(apply?.kind).toBe(SpanKind.CONSUMER);
    expect(apply?.attributes).toEqual({
      'tablecast.node': 'two',
      'tablecast.peer': 'one',
      'tablecast.operations': 3,
      'tablecast.refused': 0,
      'tablecast.bytes': send?.attributes['tablecast.bytes'],
    });
  });

  it('tells a commit that failed as failed, with the error', async () => {
    const { tracer, spans } = traced();
    const limits = { maxFileBytes: 200_000 };
    const node = await openNode({ id: 'one', directory: temporary(), tracing: tracer, limits });
    onTestFinished(() => node.close().catch(() => undefined));
    const notes = node.table('notes', { key: 'string', value: 'string', backend: 'sqlite' });
    for (let n = 0; n < 40; n++) notes.set(`note ${n}`, `${Math.random()}`.repeat(500));
    await expect(node.flush()).rejects.toMatchObject({ code: 'BACKEND_FULL' });
    const failed = spans('tablecast.commit').find(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed?.status.message).toContain('full');
    expect(failed?.events.map(({ name }) => name)).toEqual(['exception']);
  });

  it('refuses what is no tracer, and says where a tracer comes from', async () => {
    const tracing = { startSpan: undefined } as unknown as Tracer;
    await expect(openNode({ id: 'one', tracing })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('tracing') as string,
    });
  });
});
