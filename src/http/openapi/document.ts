import { OPERATIONS, type OperationSpec } from './operations.ts';
import { SCHEMAS, ref } from './schemas.ts';
import type { JsonSchema } from './shapes.ts';

/** Names what a status says in the document. */
const STATUS: Readonly<Record<number, string>> = {
  400: 'A parameter, a header or the body is not what it has to be.',
  401: 'A credential is required, or the one shown is none of this node.',
  403: 'The credential may not do this; or the Host or Origin is not allowed.',
  404: 'There is no such table or row, or the credential may not know of it.',
  409: 'Not possible as things are.',
  410: 'The log, or the page, is not kept any more; the hint says how to begin anew.',
  412: 'The row does not stand as the condition says.',
  413: 'The body is too long.',
  415: 'The body is not application/json.',
  429: 'Too many streams.',
  500: 'A mistake of this node.',
  502: 'A peer cannot be reached, or refuses.',
  503: 'The node is recovering, closing, or cannot do this at present.',
  507: 'The disk takes no more writes.',
};
/** Lists the answers that every route has. */
const ALWAYS = [400, 401, 403, 500, 503];

/** Makes the OpenAPI 3.1 document of everything under `/v1`. */
export function openApiDocument(version: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    const path = (paths[operation.path] ??= {});
    path[operation.method.toLowerCase()] = operationObject(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tablecast',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description: 'Tables of one node of a Tablecast cluster. docs/http.md explains it.',
    },
    security: [{ bearer: [] }, {}],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: SCHEMAS,
    },
  };
}

function operationObject(operation: OperationSpec): JsonSchema {
  const { id, summary, description, body } = operation;
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    parameters: parametersOf(operation),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: ref(body) } } },
    }),
    responses: responsesOf(operation),
  };
}

function parametersOf({ path, query = {}, headers = {} }: OperationSpec): readonly JsonSchema[] {
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name as string);
  return [
    ...names.map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
      description: PATH[name],
    })),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema })),
    ...Object.entries(headers).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string' },
    })),
  ];
}

const PATH: Readonly<Record<string, string>> = {
  table: 'Name of the table.',
  key: 'Columns of the key in their text form, each percent-encoded, divided by commas.',
};

function responsesOf(operation: OperationSpec): JsonSchema {
  const { problems = [], body } = operation;
  const statuses = [...new Set([...ALWAYS, ...(body === undefined ? [] : [413]), ...problems])].toSorted(
    (one, other) => one - other,
  );
  const problem = { 'application/problem+json': { schema: ref('Problem') } };
  return {
    200: { description: 'What was asked for.', content: contentOf(operation) },
    ...(operation.headers?.['If-None-Match'] !== undefined &&
      operation.method === 'GET' && { 304: { description: 'The row stands as it did.' } }),
    ...Object.fromEntries(
      statuses.map((status) => [status, { description: STATUS[status], content: problem }]),
    ),
  };
}

function contentOf({ answer, kind }: OperationSpec): JsonSchema {
  const schema = answer === undefined ? {} : ref(answer);
  const events = { schema: { type: 'string', description: 'Server-Sent Events.' }, 'x-event-data': schema };
  if (kind === 'stream') return { 'text/event-stream': events };
  return { 'application/json': { schema }, ...(kind === 'both' && { 'text/event-stream': events }) };
}
