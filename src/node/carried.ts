import type { Carrier } from '../carrier/carrier.ts';
import { type CarrierPlace, CarrierTransport } from '../carrier/carrier-transport.ts';
import { CARRIER_SCHEME } from './group-address.ts';
import type { Environment } from '../environment.ts';
import type { NodeEvent } from '../events.ts';
import type { BackendName } from '../schema/schema.ts';
import type { SegmentStore } from '../log/keeping/segment-store.ts';
import { readOwnHeader } from '../projection/checkpoints/checkpoint-header.ts';
import type { Transport } from '../transport/transport.ts';

const PLACE_FACT = 'carrier:';

/** The parts of its node that a carrier's transport is made with. */
export interface CarriedParts {
  readonly nodeId: string;
  readonly environment: Environment;
  readonly stores: ReadonlyMap<BackendName, SegmentStore>;
  /** Small values that stores kept. */
  readonly facts: ReadonlyMap<string, Uint8Array>;
  report(this: void, event: NodeEvent): void;
}

/**
 * Makes the transport over which a node has a carrier as its peer. A checkpoint is due from `tailBytes` of tail on;
 * undefined: as outside tests.
 */
export function carriedBy(
  carrier: Carrier,
  group: string,
  parts: CarriedParts,
  tailBytes?: number,
): Transport {
  const { nodeId, environment, facts, report } = parts;
  const fact = `${PLACE_FACT}${group}`;
  return new CarrierTransport({
    carrier,
    scheme: CARRIER_SCHEME,
    id: `${CARRIER_SCHEME}.${group}`,
    nodeId,
    environment,
    tailBytes,
    readHeader: readOwnHeader,
    place: () => placeIn(facts.get(fact)),
    keep: (place) => keepPlace(parts.stores, fact, place),
    report,
  });
}

/** Keeps a place behind what was read up to it: commits take effect in their order. */
function keepPlace(stores: CarriedParts['stores'], fact: string, place: CarrierPlace): void {
  const durable = [...stores.values()].find(({ backend }) => backend.durable);
  durable?.remember(new Map([[fact, new TextEncoder().encode(JSON.stringify(place))]]));
}

function placeIn(bytes: Uint8Array | undefined): CarrierPlace | undefined {
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as CarrierPlace);
}
