import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Words that begin a clause without a subject: the reader waits for the sentence around it. */
const QUESTIONS = /^(?:What|Whether|How|Of|Where|Who|Whose|Which|When|Why)\b/;
/** A docstring goes on where its name stops: its first word is one of these, unless it brings a subject. */
const VERBS = new Set(
  `Accepts Adds Answers Asks Attaches Begins Bounds Breaks Calls Checks Closes Comes Compares Copies Counts Decides Declares Describes Does
  Ends Flushes Follows Forgets Gives Has Holds Is Keeps Lets Lists Looks Makes Measures Names Opens Packs Queues Reads Rejects
  Releases Removes Replaces Replays Requires Resolves Returns Runs Says Sends Shows Starts Stops Switches Takes Tells
  Throws Trusts Uses Waits Writes Allows Applies Builds Creates Finds Fills Hands Heals Links Loads Plays Puts Serves Sets
  Subscribes Turns`.split(/\s+/),
);
const SUBJECT_AND_VERB =
  /^(?:(?:A|An|The|Each|Every|Only|No|All|One|This|These|Its?)\b|Operations\b|Retention\b)(?:(?!\b(?:that|which|who|where|when|whose)\b)[^.;:])*?\s(?:is|are|was|were|has|have|may|can|must|goes|says?|takes?|tells?|bounds?|gives?|links?|stands|begins|becomes|decides|moves|arrives|counts|describes|compares|comes|reads|holds|names|means|makes|lets)\b/;

/** Why a docstring does not read as a sentence, or undefined. */
function fault(text: string): string | undefined {
  const [first = ''] = text.trim().split(/(?<=[.;:!?])\s/);
  if (QUESTIONS.test(first)) return 'begins without a subject';
  const [word = ''] = first.split(/[ ,]/);
  const isSentence = VERBS.has(word) || SUBJECT_AND_VERB.test(first);
  return isSentence && /[.:;]$/.test(first) ? undefined : 'is a fragment';
}

const documentedKinds: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.PropertySignature,
  ts.SyntaxKind.MethodSignature,
  ts.SyntaxKind.PropertyDeclaration,
  ts.SyntaxKind.MethodDeclaration,
  ts.SyntaxKind.GetAccessor,
]);

function docOf(node: ts.Node): ts.JSDoc | undefined {
  return ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1);
}

function isHidden(node: ts.Node, doc: ts.JSDoc): boolean {
  const flags = ts.getCombinedModifierFlags(node as ts.Declaration);
  return (
    (flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0 || /@internal/.test(doc.getText())
  );
}

/** Sources of what users can import: the entries of the package, and those that typedoc shows. */
function entryFiles(): readonly string[] {
  const parse = (name: string): unknown => JSON.parse(readFileSync(path.join(root, name), 'utf8'));
  const { entryPoints } = parse('typedoc.json') as { entryPoints: string[] };
  const { exports } = parse('package.json') as { exports: unknown };
  const declared = JSON.stringify(exports).matchAll(/"\.\/dist\/([^"]+)\.d\.ts"/g);
  const names = [...entryPoints, ...Array.from(declared, ([, name = '']) => `src/${name}.ts`)];
  return [...new Set(names)].map((name) => path.join(root, name)).filter((file) => existsSync(file));
}

/** Everything that the entries export, with what their classes inherit. */
function publicDeclarations(): ReadonlySet<ts.Declaration> {
  const files = entryFiles();
  expect(files).toContain(path.join(root, 'src/index.ts'));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    noLib: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const found = new Set<ts.Declaration>();
  const collect = (symbol: ts.Symbol | undefined): void => {
    if (symbol === undefined) return;
    const target = (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
    for (const declaration of target.declarations ?? []) {
      if (found.has(declaration) || !declaration.getSourceFile().fileName.startsWith(`${root}src/`)) continue;
      found.add(declaration);
      if (ts.isClassDeclaration(declaration) || ts.isInterfaceDeclaration(declaration))
        for (const clause of declaration.heritageClauses ?? [])
          for (const type of clause.types) collect(checker.getSymbolAtLocation(type.expression));
    }
  };
  for (const file of files) {
    const source = program.getSourceFile(file);
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    for (const symbol of module === undefined ? [] : checker.getExportsOfModule(module)) collect(symbol);
  }
  return found;
}

/** The docstrings of a declaration and of its members, bodies of functions left out. */
function docsOf(declaration: ts.Declaration): ReadonlyMap<string, string> {
  const docs = new Map<string, string>();
  const add = (node: ts.Node): void => {
    const doc = docOf(node);
    if (doc === undefined || isHidden(node, doc)) return;
    const source = node.getSourceFile();
    const line = source.getLineAndCharacterOfPosition(doc.getStart()).line + 1;
    docs.set(`${path.relative(root, source.fileName)}:${line}`, ts.getTextOfJSDocComment(doc.comment) ?? '');
  };
  const walk = (node: ts.Node): void => {
    if (documentedKinds.has(node.kind)) add(node);
    if (!ts.isBlock(node)) ts.forEachChild(node, walk);
  };
  add(ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration);
  ts.forEachChild(declaration, walk);
  return docs;
}

describe('a docstring', () => {
  it('is taken for a sentence when its name is the subject of its verb, or it brings one', () => {
    const sentences = [
      'Returns the rows.',
      'Is undefined for sets.',
      'A change is what an operation did to a row; told once.',
      'The limits bound what a peer can make a node keep.',
    ];
    expect(sentences.map(fault)).toEqual(sentences.map(() => undefined));
  });

  it('is not when it begins as a question does, or has no verb of its own', () => {
    for (const text of [
      'Whether a key has a row.',
      'Of numbers any is a double.',
      'What a backup is made of.',
    ])
      expect(fault(text), text).toBe('begins without a subject');
    const fragments = ['Idempotent.', 'The value before; undefined for sets.', 'Returns the rows'];
    for (const text of [...fragments, 'A row that has gone.', 'Keys in the order in which rows appeared.'])
      expect(fault(text), text).toBe('is a fragment');
  });
});

it('every docstring of the public interface is a sentence whose subject comes first', () => {
  const docs = [...publicDeclarations()].flatMap((declaration) => [...docsOf(declaration)]);
  expect(docs.length).toBeGreaterThan(200);
  const faults = docs.flatMap(([place, text]) => {
    const wrong = fault(text);
    return wrong === undefined ? [] : [`${place} ${wrong}: ${text.slice(0, 60)}`];
  });
  expect(faults).toEqual([]);
});

it('no docstring of the sources begins as a question does', () => {
  const names = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const firstLines = names
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => {
      const source = readFileSync(path.join(root, 'src', name), 'utf8');
      const firsts = source.matchAll(/\/\*\*\s+(?:\* )?(\w[^\n]*)/g);
      return Array.from(firsts, ([, first = '']) => `${name}: ${first}`);
    });
  expect(firstLines.length).toBeGreaterThan(2000);
  expect(firstLines.filter((one) => QUESTIONS.test(one.slice(one.indexOf(': ') + 2)))).toEqual([]);
});
