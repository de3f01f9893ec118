import { type JsonSchema, text, number, yesOrNo, whole, list, local, oneOf, object, page } from './shapes.ts';

/** The forms of what makes tables equal, takes back what was written, and switches modes. */
export const ACTING = {
  Repair: object({ from: { type: 'string', description: 'Id of the node whose rows shall stand.' } }),
  RepairPreview: object(
    {
      from: text,
      writes: list(
        object(
          {
            key: local('Key'),
            stands: { type: 'boolean', description: 'Whether this node has a row under the key now.' },
            before: local('Value'),
            after: local('Value'),
            removes: yesOrNo,
            elsewhere: {
              ...list(object({ peer: text, removed: yesOrNo, value: local('Value') }, ['value'])),
              description: 'What peers hold that differs.',
            },
          },
          ['before', 'after'],
        ),
      ),
      ...page,
    },
    ['next'],
  ),
  Repaired: object({ keys: whole }),
  Undo: object({
    origin: { type: 'string', description: 'Id of the node that wrote, or one life of it: nodeId@epoch.' },
    since: {
      oneOf: [object({ position: whole }), object({ time: number })],
      description:
        'Behind this position of the log of the node that answers, or from this time of the author on.',
    },
  }),
  UndoPreview: object(
    {
      writes: list(
        object({ key: local('Key'), kind: oneOf('set', 'delete', 'increment'), value: local('Value') }, [
          'value',
        ]),
      ),
      kept: {
        ...whole,
        description: 'Keys that the author wrote and that stay, because others wrote over them.',
      },
      ...page,
    },
    ['next'],
  ),
  Undone: object({ keys: whole, kept: whole }),
  ModeSwitch: object({ mode: oneOf('naive', 'lww', 'automerge') }),
  ModeCost: object({
    mode: oneOf('naive', 'lww', 'automerge'),
    to: oneOf('naive', 'lww', 'automerge'),
    possible: yesOrNo,
    rows: whole,
    divergedKeys: whole,
    peers: { ...list(text), description: 'Connected peers that share the table and are sent all its rows.' },
    unreached: {
      ...list(text),
      description: 'Peers that are away: what they write meanwhile they write again.',
    },
    effects: { ...list(text), description: 'What it means, in sentences for people.' },
  }),
} as const satisfies Record<string, JsonSchema>;
