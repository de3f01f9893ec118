import type { Carrier } from '../carrier/carrier.ts';
import type { CarrierCase, CarrierPlace } from './carrier-cases.ts';
import { endingCases } from './carrier-endings.ts';
import { messageCases } from './carrier-messages.ts';
import { noteCases } from './carrier-notes.ts';
import { readingCases } from './carrier-reading.ts';
import { type ContractCase, withinLimit } from './suite.ts';

/** The options say which carrier {@link carrierSuite} is to hold against the contract. */
export interface CarrierSuiteOptions {
  /** Makes an empty memory; called once for each case. */
  readonly place: () => Promise<CarrierPlace> | CarrierPlace;
  /** Bounds the time for one case, in milliseconds. Default 60,000. */
  readonly caseLimitMs?: number | undefined;
}

/** Returns every promise of the carrier port, one case each. */
export function carrierSuite(options: CarrierSuiteOptions): readonly ContractCase[] {
  return [...messageCases, ...readingCases, ...noteCases, ...endingCases].map(({ title, check }) => ({
    title,
    run: () => withinLimit(runOn(options, check), options.caseLimitMs),
  }));
}

async function runOn(options: CarrierSuiteOptions, check: CarrierCase['check']): Promise<void> {
  const place = await options.place();
  const made: Carrier[] = [];
  const carrier = (): Carrier => {
    const one = place.carrier();
    made.push(one);
    return one;
  };
  try {
    await check({ place, carrier, link: () => carrier().open(new AbortController().signal) });
  } finally {
    await Promise.all(made.map((one) => one.close()));
    await place.remove();
  }
}
