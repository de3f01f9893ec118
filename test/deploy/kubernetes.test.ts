/** The manifests of deploy/kubernetes, against the schemas of Kubernetes and against what the command takes. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Service } from 'kubernetes-models/v1/Service';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readConfigFile } from '../../src/cli/config-file.ts';
import { program } from '../../src/cli/program.ts';

const file = fileURLToPath(new URL('../../deploy/kubernetes/tablecast.yaml', import.meta.url));
const MODELS = { ConfigMap, Service, StatefulSet, PodDisruptionBudget };
type Kind = keyof typeof MODELS;

const documents = parseAllDocuments(readFileSync(file, 'utf8'));
const manifests = documents.map(
  (document) => document.toJS() as { readonly apiVersion: string; readonly kind: Kind },
);

/** What the schema of its kind says is wrong with a manifest. */
function faultsOf(manifest: { readonly kind: Kind }): unknown {
  const model = new MODELS[manifest.kind](manifest as never);
  try {
    model.validate();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function one<K extends Kind>(kind: K): InstanceType<(typeof MODELS)[K]> {
  return manifests.find((manifest) => manifest.kind === kind) as unknown as InstanceType<(typeof MODELS)[K]>;
}

const set = one('StatefulSet');
const pod = set.spec?.template.spec;
const container = pod?.containers[0];

it('every manifest is as the schema of its kind says', () => {
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  expect(manifests.map(({ kind }) => kind)).toEqual([
    'ConfigMap',
    'Service',
    'StatefulSet',
    'PodDisruptionBudget',
  ]);
  for (const manifest of manifests) {
    expect(faultsOf(manifest)).toBeUndefined();
    expect(manifest.apiVersion).toBe(new MODELS[manifest.kind]().apiVersion);
  }
});

it('a schema finds what is wrong', () => {
  expect(faultsOf({ kind: 'StatefulSet', spec: { replicas: 'three' } } as never)).toMatch(/replicas/);
  const misspelt = structuredClone(set) as unknown as {
    kind: Kind;
    spec: { template: { spec: { containers: unknown } } };
  };
  misspelt.spec.template.spec.containers = [{ image: 'without a name' }];
  expect(faultsOf(misspelt)).toMatch(/name/);
});

describe('the pods', () => {
  it('are asked what the node answers, where it answers', () => {
    const named = Object.fromEntries(
      container?.ports?.map(({ name, containerPort }) => [name, containerPort]) ?? [],
    );
    const health = container?.env?.find(({ name }) => name === 'TABLECAST_HEALTH')?.value;
    expect(health).toBe(`0.0.0.0:${named['health']}`);
    const { startupProbe, livenessProbe, readinessProbe } = container ?? {};
    expect([startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)).toEqual([
      { path: '/livez', port: 'health' },
      { path: '/livez', port: 'health' },
      { path: '/readyz', port: 'health' },
    ]);
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(10);
    const ports = one('Service').spec?.ports?.map(({ name, port }) => [name, port]);
    expect(Object.fromEntries(ports ?? [])).toEqual(named);
  });

  it('mount every volume that they name, and no other', () => {
    const volumes = [
      ...(pod?.volumes ?? []),
      ...(set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata),
    ];
    const names = volumes.map((volume) => volume?.name);
    expect(new Set(container?.volumeMounts?.map(({ name }) => name))).toEqual(new Set(names));
  });

  it('set what the command reads, and run flags that there are', () => {
    const run = program('0').commands.find((command) => command.name() === 'run');
    for (const { name } of container?.env ?? [])
      expect(run?.options.map(({ envVar }) => envVar)).toContain(name);
    const [, , script = ''] = container?.command ?? [];
    for (const flag of script.match(/--[a-z]+/g) ?? [])
      expect(run?.options.map(({ long }) => long)).toContain(flag);
  });

  it('dial each other, and none itself', () => {
    const [shell = '', ...words] = container?.command ?? [];
    const here = words.map((word) => word.replace('exec tablecast', 'echo'));
    const said = execFileSync(shell, here, { encoding: 'utf8', env: { TABLECAST_ID: 'tablecast-1' } });
    expect(said.trim()).toBe(
      'run --config /etc/tablecast/tablecast.json --peer ws://tablecast-0.tablecast:47760 --peer ws://tablecast-2.tablecast:47760',
    );
    expect(set.spec?.replicas).toBe(3);
  });

  it('have a configuration that the command takes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-kubernetes-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const config = join(directory, 'tablecast.json');
    writeFileSync(config, one('ConfigMap').data?.['tablecast.json'] ?? '');
    expect(readConfigFile(config)).toMatchObject({ listen: { port: 47_760, host: '0.0.0.0' } });
  });
});
