import type { Carrier } from './node-parts.ts';
import type { NodeHttp } from './node-http.ts';
import { checkCertificateChange } from './options.ts';
import type { TableNode } from './table-node.ts';

/** Replaces a node's certificates while it runs: see `TableNode.reloadCertificates`. */
export function certificateReload(
  carrier: Carrier,
  http: () => Pick<NodeHttp, 'certifying'>,
): TableNode['reloadCertificates'] {
  return (given) => {
    const change = checkCertificateChange(given);
    const certifyHttp = http().certifying(change.http);
    if (change.listen !== undefined || change.dial !== undefined) carrier.reload(change);
    certifyHttp();
  };
}
