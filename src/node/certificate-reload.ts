import type { Carriage } from './node-parts.ts';
import type { NodeHttp } from './node-http.ts';
import { checkCertificateChange } from './options.ts';
import type { TableNode } from './table-node.ts';

/** Replaces a node's certificates while it runs: see `TableNode.reloadCertificates`. */
export function certificateReload(
  carriage: Carriage,
  http: () => Pick<NodeHttp, 'certifying'>,
): TableNode['reloadCertificates'] {
  return (given) => {
    const change = checkCertificateChange(given);
    const certifyHttp = http().certifying(change.http);
    if (change.listen !== undefined || change.dial !== undefined) carriage.reload(change);
    certifyHttp();
  };
}
