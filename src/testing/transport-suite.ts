import type { FrameLimitOptions } from '../transport/limits.ts';
import type { Transport } from '../transport/transport.ts';
import { link } from './observed.ts';
import { type ContractCase, withinLimit } from './suite.ts';
import type { Ground, TransportCase } from './transport-cases.ts';
import { endingCases } from './transport-endings.ts';
import { frameCases } from './transport-frames.ts';
import { joiningCases } from './transport-joining.ts';
import { queueCases } from './transport-queues.ts';

/** The options say what {@link transportSuite} is to hold against the contract. */
export interface TransportSuiteOptions {
  /** Makes a transport that may listen and dial, with these limits where they are given; the suite closes it. */
  readonly transport: (limits?: FrameLimitOptions) => Promise<Transport> | Transport;
  /** Returns an address of the right form where nobody listens. */
  readonly nobody: () => Promise<string> | string;
  /** Bounds the time for one case, in milliseconds. Default 60,000. */
  readonly caseLimitMs?: number | undefined;
}

/** Returns every promise of the transport port, one case each. */
export function transportSuite(options: TransportSuiteOptions): readonly ContractCase[] {
  const cases = [...frameCases, ...endingCases, ...queueCases, ...joiningCases];
  return cases.map(({ title, check }) => ({
    title,
    run: () => withinLimit(runOn(options, check), options.caseLimitMs),
  }));
}

async function runOn(options: TransportSuiteOptions, check: TransportCase['check']): Promise<void> {
  const opened: Transport[] = [];
  const open = async (limits?: FrameLimitOptions): Promise<Transport> => {
    const transport = await options.transport(limits);
    opened.push(transport);
    return transport;
  };
  const linked: Ground['linked'] = async (limits, farLimits = limits) =>
    link(await open(limits), await open(farLimits));
  const started: Ground['started'] = async (limits, farLimits = limits) => {
    const { near, far } = await linked(limits, farLimits);
    return { near: near.start(), far: far.start() };
  };
  try {
    await check({ open, linked, started, nobody: async () => options.nobody() });
  } finally {
    await Promise.all(opened.map((transport) => transport.close()));
  }
}
