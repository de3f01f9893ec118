import { expect, test } from 'vitest';
import { ask, begin, openWithHttp } from './support.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { responses: Record<string, { content?: object }> }>>;
}

test('every operation of the OpenAPI document is answered, with a status and a type that it names', async () => {
  const node = await openWithHttp();
  const table = node.table('hosts', { key: 'string', value: 'count' });
  const { json } = await ask(node.url, '/v1/openapi.json');
  const document = json as unknown as Document;
  expect(document.openapi).toBe('3.1.0');
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      table.set('k', 1);
      const filled = path.replace('{table}', 'hosts').replace('{key}', 'k');
      const response = await begin(node.url, `${filled}?key=k&from=0&to=0`, { method: method.toUpperCase() });
      const named = responses[String(response.statusCode)];
      expect([method, path, response.statusCode, named !== undefined]).toEqual([
        method,
        path,
        response.statusCode,
        true,
      ]);
      expect([404, 405, 500]).not.toContain(response.statusCode);
      const type = String(response.headers['content-type']).split(';')[0];
      expect(Object.keys(named?.content ?? {})).toContain(type);
      response.destroy();
    }
  }
});
