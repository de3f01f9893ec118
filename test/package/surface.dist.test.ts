import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const entry = fileURLToPath(new URL('../../dist/index.d.ts', import.meta.url));
const printer = ts.createPrinter({ removeComments: true });

function declarationText(node: ts.Declaration): string {
  // A variable's own node is only `name: type`; the statement around it is what people read.
  const shown = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  return printer.printNode(ts.EmitHint.Unspecified, shown, node.getSourceFile());
}

/** Every name the package exports, in the order of names. */
function publicNames(): { checker: ts.TypeChecker; exported: readonly (readonly [string, ts.Symbol])[] } {
  const program = ts.createProgram([entry], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`no declarations at ${entry}: run \`npm run build\` first`);
  const exported = checker
    .getExportsOfModule(module)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((symbol) => {
      const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
      return [symbol.name, isAlias ? checker.getAliasedSymbol(symbol) : symbol] as const;
    });
  return { checker, exported };
}

const { checker, exported } = publicNames();

/** Members of a type; of a union, those that any of its parts has. */
function membersOf(symbol: ts.Symbol): Set<string> {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const parts = type.isUnion() ? type.types : [type];
  return new Set(parts.flatMap((part) => checker.getPropertiesOfType(part).map(({ name }) => name)));
}

test('the public surface is the reviewed one (after a wanted change: npx vitest run --project package -u)', async () => {
  // With built declarations, without comments.
  const surface = exported
    .map(([name, { declarations = [] }]) => `// ${name}\n${declarations.map(declarationText).join('\n')}\n`)
    .join('\n');
  expect(surface).not.toMatch(/class (?:Map|Set)?Table\b|TableParts|\bProjection\b|protected /);
  await expect(surface).toMatchFileSnapshot('public-surface.txt');
});

test('every name that 0.2 exported is there, with every member', () => {
  const file = new URL('../fixtures/public/0.2.json', import.meta.url);
  const before = JSON.parse(readFileSync(file, 'utf8')) as { exports: Record<string, string> };
  const now = new Map(exported);
  const gone = Object.entries(before.exports).flatMap(([name, members]) => {
    const symbol = now.get(name);
    if (symbol === undefined) return [name];
    const present = membersOf(symbol);
    return members
      .split(' ')
      .flatMap((member) => (member === '' || present.has(member) ? [] : [`${name}.${member}`]));
  });
  expect(gone).toEqual([]);
});
