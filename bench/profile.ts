import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
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
  const costs = Array.from(spent, ([where, milliseconds]) => ({
    where,
    milliseconds,
    share: milliseconds / total,
  }));
  return costs.toSorted((a, b) => b.milliseconds - a.milliseconds);
}

/** The dearest functions of every profile in a directory, as lines of text. */
export function profileLines(directory: string, most = 25): readonly string[] {
  const files = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
  return files.flatMap((name) => {
    const profile = JSON.parse(readFileSync(join(directory, name), 'utf8')) as Profile;
    const costs = costsOf(profile);
    const total = costs.reduce((sum, cost) => sum + cost.milliseconds, 0);
    const lines = costs
      .slice(0, most)
      .map(
        (cost) =>
          `${(cost.share * 100).toFixed(1).padStart(6)} % ${cost.milliseconds.toFixed(0).padStart(7)} ms  ${cost.where}`,
      );
    return [`${name}: ${total.toFixed(0)} ms busy`, ...lines, '  by line:', ...hotLines(profile, most), ''];
  });
}

/** The dearest lines of a profile, with their text where the file is to be read. */
export function hotLines(profile: Profile, most = 25): readonly string[] {
  const ticks = new Map<string, number>();
  let total = 0;
  for (const { callFrame, positionTicks } of profile.nodes) {
    if (callFrame.functionName === '(idle)') continue;
    for (const { line, ticks: count } of positionTicks ?? []) {
      total += count;
      if (!callFrame.url.startsWith('file:')) continue;
      const place = `${callFrame.url}\n${line}`;
      ticks.set(place, (ticks.get(place) ?? 0) + count);
    }
  }
  const dearest = [...ticks].toSorted((a, b) => b[1] - a[1]).slice(0, most);
  return dearest.map(([place, count]) => {
    const [url = '', line = ''] = place.split('\n');
    const share = ((count / total) * 100).toFixed(1).padStart(6);
    return `${share} %  ${basename(url)}:${line}  ${sourceLine(url, Number(line))}`;
  });
}

function sourceLine(url: string, line: number): string {
  try {
    return (readFileSync(new URL(url), 'utf8').split('\n')[line - 1] ?? '').trim().slice(0, 100);
  } catch {
    return '';
  }
}
