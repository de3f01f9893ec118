import type { Epoch } from '../../log/operations/epoch.ts';
import type { DocumentOwner } from '../../modes/conflict-mode.ts';
import type { Schema } from '../../schema/index.ts';
import { ownOperation } from './own-operation.ts';

/** Makes what a document must know of its table; `writes` tells the origins this node writes as. */
export function documentOwner(
  table: { readonly schema: Schema },
  epoch: Epoch,
  writes: (origin: string) => boolean,
): DocumentOwner {
  const { schema } = table;
  return {
    table: schema.name,
    column: schema.column,
    unsigned: schema.valueType === 'count',
    get start() {
      const { defaultValue } = table.schema;
      return typeof defaultValue === 'number' ? defaultValue : 0;
    },
    epoch,
    checkKey: (text) => schema.checkKeyText(text),
    checkCell: (cell) => schema.checkCell(cell),
    checkOrigin: (text, known) => {
      if (writes(text) && !known) throw ownOperation({ table: schema.name, origin: text });
    },
  };
}
