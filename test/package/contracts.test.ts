import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/** A folder of implementations: its port, and the contract every implementation runs. */
const ports = [
  { folder: 'src/backends', file: 'src/log/backend.ts', port: 'Backend', contract: 'backendContract' },
  {
    folder: 'src/modes',
    file: 'src/modes/conflict-mode.ts',
    port: 'ConflictMode',
    contract: 'conflictModeContract',
  },
  {
    folder: 'src/transport',
    file: 'src/transport/transport.ts',
    port: 'Transport',
    contract: 'transportContract',
  },
  {
    folder: 'src/carrier',
    file: 'src/carrier/carrier.ts',
    port: 'Carrier',
    contract: 'carrierContract',
  },
  { folder: 'src/nats', file: 'src/carrier/carrier.ts', port: 'Carrier', contract: 'carrierContract' },
];

const root = fileURLToPath(new URL('../..', import.meta.url));

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${root}${folder}/${name.replaceAll('\\', '/')}`);
}

function programOf(files: readonly string[]): ts.Program {
  return ts.createProgram(files, {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  });
}

function exportsOf(checker: ts.TypeChecker, source: ts.SourceFile): readonly ts.Symbol[] {
  const module = checker.getSymbolAtLocation(source);
  return module === undefined ? [] : checker.getExportsOfModule(module);
}

/** Exported values that are, or hand out when called, something with every member of the port. */
function implementationsIn(program: ts.Program, file: string, members: readonly string[]): string[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  if (source === undefined) throw new Error(`not part of the program: ${file}`);

  function yieldsPort(type: ts.Type, depth: number): boolean {
    const subject = checker.getAwaitedType(type) ?? type;
    if (members.every((name) => subject.getProperty(name) !== undefined)) return true;
    if (depth === 0) return false;
    const results = [...subject.getCallSignatures(), ...subject.getConstructSignatures()].map((signature) =>
      signature.getReturnType(),
    );
    const methods = subject
      .getProperties()
      .map((property) => checker.getTypeOfSymbolAtLocation(property, source as ts.SourceFile))
      .filter((property) => property.getCallSignatures().length > 0);
    return [...results, ...methods].some((next) => yieldsPort(next, depth - 1));
  }

  return exportsOf(checker, source)
    .filter((symbol) => (symbol.flags & ts.SymbolFlags.Value) !== 0)
    .filter((symbol) => yieldsPort(checker.getTypeOfSymbolAtLocation(symbol, source), 3))
    .map((symbol) => symbol.name);
}

function portMembers(program: ts.Program, file: string, port: string): string[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const symbol = source && exportsOf(checker, source).find((candidate) => candidate.name === port);
  if (symbol === undefined) throw new Error(`${file} does not export ${port}`);
  return checker
    .getDeclaredTypeOfSymbol(symbol)
    .getProperties()
    .map((member) => member.name);
}

/** A test's text, and that of the support files it imports: a contract's set-up often stands there. */
function textOf(file: string): string {
  const text = readFileSync(file, 'utf8');
  const imported = Array.from(text.matchAll(/from '(\.[^']+)'/g), ([, path]) =>
    resolve(dirname(file), path ?? ''),
  )
    .filter((path) => path.startsWith(`${root}test/`) && existsSync(path))
    .map((path) => readFileSync(path, 'utf8'));
  return [text, ...imported].join('\n');
}

const testTexts = filesIn('test', '.test.ts').map(textOf);

/** Files that hand out implementations of others. */
const choosers = ['registry.ts'];

describe.each(ports)('every implementation of $port in $folder', ({ folder, file, port, contract }) => {
  const files = filesIn(folder, '.ts').filter(
    (name) => !choosers.some((chooser) => name.endsWith(`/${chooser}`)),
  );
  const program = programOf([...files, `${root}${file}`]);
  const members = portMembers(program, `${root}${file}`, port);
  const found = files.flatMap((name) => implementationsIn(program, name, members));
  const runs = testTexts.filter((text) => new RegExp(`^${contract}\\(|[^n] ${contract}\\(`, 'm').test(text));

  test('is found by this test', () => {
    expect(members.length).toBeGreaterThan(2);
    expect(found.length).toBeGreaterThan(0);
  });

  test(`runs ${contract}`, () => {
    const without = found.filter((name) => !runs.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
    expect(without).toEqual([]);
  });
});
