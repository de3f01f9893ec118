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

/** Every name the package exports with its built declarations, without comments, in the order of names. */
function publicSurface(): string {
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
  return checker
    .getExportsOfModule(module)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((symbol) => {
      const original =
        (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
      return `// ${symbol.name}\n${(original.declarations ?? []).map(declarationText).join('\n')}\n`;
    })
    .join('\n');
}

test('the public surface is the reviewed one (after a wanted change: npx vitest run --project package -u)', async () => {
  const surface = publicSurface();
  expect(surface).not.toMatch(/class (?:Map|Set)?Table\b|TableParts|\bProjection\b|protected /);
  await expect(surface).toMatchFileSnapshot('public-surface.txt');
});
