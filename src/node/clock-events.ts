import type { NodeEvent } from '../events.ts';

/** Tells that the machine's clock jumped ahead while the node ran, and is not believed so far. */
export function clockJumped(aheadMs: number): NodeEvent {
  const seconds = Math.round(aheadMs / 1000);
  return {
    code: 'clock-jumped',
    severity: 'warning',
    message: `The machine's clock jumped ahead by ${seconds} s: until a peer's clock agrees, or for an hour, times that order writes go on from before the jump.`,
    details: {
      seconds,
      hint: 'If the new time is wrong, correct the clock (NTP). If it is right, nothing needs to be done; a restart takes it at once.',
    },
  };
}
