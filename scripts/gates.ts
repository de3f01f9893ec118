// npm run gates [-- --only <part of a name>]
// The bounded form of every reliability campaign, as run on each change: prints one table and fails if a limit
// is missed. Simulated worlds take both cores; the rest runs in three lanes of about the same length, as its members wait.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { worldKinds } from '../test/simulation/kinds.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** One gate: a campaign, and what of its output is the figure. */
interface Gate {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly limit: string;
  /** The figure; undefined when the output does not hold one, or the limit is missed although the campaign is content. */
  readonly figure: (output: string) => string | undefined;
  readonly seconds: number;
  /** Finds the directory in the output that it leaves for people. */
  readonly leaves?: RegExp;
}

interface Verdict {
  readonly gate: Gate;
  readonly figure: string;
  readonly seconds: number;
  readonly passed: boolean;
  readonly output: string;
}

/** The lines of an output that match, without what is behind the first line end. */
function lines(output: string, pattern: RegExp): string[] {
  return output.split('\n').filter((line) => pattern.test(line));
}

/** All lines, if there are as many as expected. */
function figureOf(output: string, pattern: RegExp, count = 1): string | undefined {
  const found = lines(output, pattern);
  return found.length < count ? undefined : found.join('\n');
}

/** Under seeds that stay the same, and under others with each commit: what a gate has always run finds nothing new. */
const worlds: readonly Gate[] = Array.from(worldKinds, ([kind, { fixed, fresh, open, reachesAll }]) => ({
  name: `worlds: ${kind}`,
  script: 'scripts/simulate.ts',
  args: ['--gate', '--kind', kind, '--workers', '2'],
  limit: `${fixed} seeds twice with equal traces, 0 failures, ${fresh} fresh ones once, at most ${open}${reachesAll ? ', every rare path reached' : ''}`,
  figure: (output) => figureOf(output, /seeds held|fresh seeds/, 3),
  seconds: 240,
}));

/** The conformance tests over a carrier. */
function carried(over: string, carrier: string, seconds: number): Gate {
  return {
    name: `carrier: conformance over ${over}`,
    script: 'scripts/campaigns/carrier-conformance.ts',
    args: ['--over', over],
    limit: `the conformance tests over ${carrier} in the place of links, but for seven about links, 0 failed`,
    figure: (output) => figureOf(output, /^ +Tests +\d+ passed|^left out/),
    seconds,
  };
}

const lanes: readonly (readonly Gate[])[] = [
  [
    {
      name: 'crash images',
      script: 'scripts/campaigns/crash-images.ts',
      args: ['--images', '10000', '--flips', '1000'],
      limit:
        '10,000 images, 0 acknowledged lost at commit, some with NORMAL planted; 0 flipped bits accepted',
      figure: (output) => figureOf(output, /images .*after|flipped bits/, 4),
      seconds: 300,
    },
    {
      name: 'kill -9',
      script: 'scripts/campaigns/kill.ts',
      args: ['--kills', '200'],
      limit: '200 kills, 0 lost, 0 ahead, 0 broken',
      figure: (output) => figureOf(output, /kills in/, 2),
      seconds: 240,
    },
    {
      name: 'sql targets',
      script: 'scripts/campaigns/sql-kill.ts',
      args: ['--kills', '12'],
      limit: '12 kills of node, projecting threads and PostgreSQL, 0 wrong',
      figure: (output) => figureOf(output, /kills in/),
      seconds: 240,
    },
    {
      name: 'acknowledgements',
      script: 'scripts/campaigns/cli-acknowledgements.ts',
      args: ['--rounds', '3'],
      limit: 'every command of the command line in every trouble, 0 said otherwise than it is',
      figure: (output) => figureOf(output, /commands in/),
      seconds: 180,
    },
    {
      name: 'overload',
      script: 'scripts/campaigns/overload.ts',
      args: ['--megabytes', '60', '--rounds', '24', '--keys', '30000'],
      limit: 'a paused peer is cut off and costs at most 64 MiB; at most 1 MB growth per round',
      figure: (output) => figureOf(output, /paused peer|soak/, 2),
      seconds: 180,
    },
  ],
  [
    {
      name: 'frame fuzz',
      script: 'scripts/campaigns/frame-fuzz.ts',
      args: ['--frames', '2000000'],
      limit: '2,000,000 frames, 0 uncaught, none over 50 ms, heap growth below 20 MB',
      figure: (output) => figureOf(output, /frames in/),
      seconds: 420,
    },
    {
      name: 'planted bugs',
      script: 'scripts/campaigns/planted-bugs.ts',
      args: ['--sample', '30'],
      limit: '30 of the list, others with each commit, all caught',
      figure: (output) => {
        const summary = figureOf(output, /^\d+ of \d+ caught/);
        const [caught = 0, all = 0] = (summary?.match(/\d+/g) ?? []).map(Number);
        return all >= 12 && caught === all ? summary : undefined;
      },
      seconds: 700,
    },
  ],
  [
    {
      name: 'disk calls',
      script: 'scripts/campaigns/disk-faults.ts',
      args: [],
      limit: 'each call fails once and for good, 0 problems',
      figure: (output) => figureOf(output, /cases in/),
      seconds: 240,
    },
    {
      name: 'public model',
      script: 'scripts/campaigns/public-model.ts',
      args: ['--fresh', '--mesh', '--worlds', '30', '--minutes', '3', '--open', '1'],
      limit: '30 fresh worlds, or what three minutes take and at least 4; at most 1 fails',
      figure: (output) => {
        const summary = figureOf(output, /^\d+ worlds held/);
        return Number(summary?.match(/^\d+/)?.[0] ?? 0) >= 4 ? summary : undefined;
      },
      seconds: 240,
    },
    carried('memory', 'a carrier in memory', 60),
    carried('nats', 'a real NATS server', 120),
    {
      name: 'carrier: demonstration',
      script: 'examples/cluster/main.ts',
      args: ['--nats', '--rows', '2000', '--seconds', '3'],
      limit: 'three processes over a real NATS server, one killed and back, every node equal',
      figure: (output) => figureOf(output, /^ +yes /, 3),
      leaves: /^ +rm -r (\S+\/tablecast-demo-\w+) /m,
      seconds: 60,
    },
  ],
];

function run(gate: Gate): Promise<Verdict> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['--import', './scripts/typescript.mjs', gate.script, ...gate.args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  return new Promise((resolve) => {
    child.once('close', (code) => {
      const [, left] = gate.leaves?.exec(output) ?? [];
      if (left !== undefined) rmSync(left, { recursive: true, force: true });
      const seconds = (performance.now() - begun) / 1000;
      const figure = gate.figure(output);
      const verdict = {
        gate,
        figure: figure ?? `exit ${code}, no figure`,
        seconds,
        passed: code === 0 && figure !== undefined,
        output,
      };
      console.log(`${verdict.passed ? 'passed' : 'FAILED'}  ${gate.name} after ${seconds.toFixed(0)} s`);
      resolve(verdict);
    });
  });
}

async function inTurn(gates: readonly Gate[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const gate of gates) verdicts.push(await run(gate));
  return verdicts;
}

function wrapped(text: string, width: number): string {
  const rows: string[] = [];
  for (const word of text.replaceAll('\n', ' · ').split(' ')) {
    const last = rows.at(-1);
    if (last === undefined || last.length + word.length >= width) rows.push(word);
    else rows[rows.length - 1] = `${last} ${word}`;
  }
  return rows.join('\n');
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const wanted = ({ name }: Gate): boolean => name.includes(values.only);
const begun = performance.now();
const first = await inTurn(worlds.filter(wanted));
const rest = await Promise.all(lanes.map((lane) => inTurn(lane.filter(wanted))));
const verdicts = [...first, ...rest.flat()];
const table = new Table({
  head: ['gate', 'figure', 'limit', 'seconds', ''],
  style: { head: [], border: [] },
});
for (const { gate, figure, seconds, passed } of verdicts)
  table.push([
    gate.name,
    wrapped(figure, 60),
    wrapped(gate.limit, 40),
    seconds.toFixed(0),
    passed ? 'pass' : 'FAIL',
  ]);
console.log(table.toString());
for (const { gate, output, passed } of verdicts)
  if (!passed) console.log(`\n${gate.name} said:\n${output.slice(-20_000)}`);
const failed = verdicts.filter(({ passed }) => !passed).length;
console.log(
  `${verdicts.length - failed} of ${verdicts.length} gates passed in ${((performance.now() - begun) / 1000).toFixed(0)} s`,
);
if (failed > 0 || verdicts.length === 0) process.exitCode = 1;
