import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** One function's own time in a profile. */
export interface Cost {
  readonly where: string;
  readonly milliseconds: number;
  readonly share: number;
}

/** What a profile's thread spent outside idling, by function, dearest first. */
export function costsOf(profile: Profile): readonly Cost[] {
  const places = new Map<number, string>();
  for (const { id, callFrame } of profile.nodes) {
    const file = callFrame.url === '' ? '' : ` ${basename(callFrame.url)}:${callFrame.lineNumber + 1}`;
    places.set(id, `${callFrame.functionName || '(anonymous)'}${file}`);
  }
  const spent = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    const place = places.get(id) ?? '?';
    spent.set(place, (spent.get(place) ?? 0) + (profile.timeDeltas[index] ?? 0) / 1000);
  }
  spent.delete('(idle)');
  const total = [...spent.values()].reduce((sum, value) => sum + value, 0);
  return Array.from(spent, ([where, milliseconds]) => ({ where, milliseconds, share: milliseconds / total })).sort(
    (a, b) => b.milliseconds - a.milliseconds,
  );
}

/** The dearest functions of every profile in a directory, as lines of text. */
export function profileLines(directory: string, most = 25): readonly string[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
  return files.flatMap((name) => {
    const costs = costsOf(JSON.parse(readFileSync(join(directory, name), 'utf8')) as Profile);
    const total = costs.reduce((sum, cost) => sum + cost.milliseconds, 0);
    const lines = costs
      .slice(0, most)
      .map((cost) => `${(cost.share * 100).toFixed(1).padStart(6)} % ${cost.milliseconds.toFixed(0).padStart(7)} ms  ${cost.where}`);
    return [`${name}: ${total.toFixed(0)} ms busy`, ...lines, ''];
  });
}
