import { TablecastError } from '../errors.ts';

/** The limits bound one connection, in bytes; every transport keeps them. */
export interface FrameLimits {
  /** Bounds the longest frame sent or accepted. Default 4 MiB. */
  readonly maxFrameBytes: number;
  /** Is the high-water mark: `send` returns false while more than this is queued. Default 1 MiB. */
  readonly highWaterBytes: number;
  /** Is the low-water mark: `drain` is called once no more than this is queued. Default 256 KiB. */
  readonly lowWaterBytes: number;
  /** Bounds the queue: a connection whose queue would grow beyond this is ended. Default 16 MiB. */
  readonly maxQueuedBytes: number;
}

/** The options are {@link FrameLimits} as a user gives them: members left out have their default. */
export type FrameLimitOptions = { readonly [Name in keyof FrameLimits]?: number | undefined };

const defaults: FrameLimits = {
  maxFrameBytes: 4 * 1024 * 1024,
  highWaterBytes: 1024 * 1024,
  lowWaterBytes: 256 * 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
};

/** Fills in defaults. Throws `OPTION_INVALID` for a limit that is no positive integer or contradicts another. */
export function frameLimits(given: FrameLimitOptions = {}): FrameLimits {
  const limits = {
    maxFrameBytes: countOption('maxFrameBytes', given.maxFrameBytes, defaults.maxFrameBytes),
    highWaterBytes: countOption('highWaterBytes', given.highWaterBytes, defaults.highWaterBytes),
    lowWaterBytes: countOption('lowWaterBytes', given.lowWaterBytes, defaults.lowWaterBytes),
    maxQueuedBytes: countOption('maxQueuedBytes', given.maxQueuedBytes, defaults.maxQueuedBytes),
  };
  if (limits.lowWaterBytes > limits.highWaterBytes) {
    throw contradiction('lowWaterBytes', 'highWaterBytes', limits.lowWaterBytes, limits.highWaterBytes);
  }
  const needed = limits.highWaterBytes + limits.maxFrameBytes;
  if (limits.maxQueuedBytes < needed) {
    throw contradiction('highWaterBytes + maxFrameBytes', 'maxQueuedBytes', needed, limits.maxQueuedBytes);
  }
  return limits;
}

/** Returns a positive integer up to 2^31 - 1, or the default. Throws `OPTION_INVALID` for anything else. */
export function countOption(name: string, given: number | undefined, fallback: number): number {
  if (given === undefined) return fallback;
  if (Number.isInteger(given) && given > 0 && given < 2 ** 31) return given;
  throw new TablecastError('OPTION_INVALID', `transport limit ${name} is ${String(given)}`, {
    hint: `Give ${name} as a positive integer, or leave it out for ${fallback}.`,
  });
}

/** Makes what `send` throws for a frame above `maxFrameBytes`. The connection goes on. */
export function frameTooLong(length: number, maxFrameBytes: number): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `a frame of ${length} bytes was sent; the limit is ${maxFrameBytes}`,
    {
      hint: 'Split the frame, or raise maxFrameBytes at both ends.',
      details: { limit: maxFrameBytes, length, maxFrameBytes },
    },
  );
}

function contradiction(low: string, high: string, lowValue: number, highValue: number): TablecastError {
  return new TablecastError(
    'OPTION_INVALID',
    `transport limit ${low} (${lowValue}) is above ${high} (${highValue})`,
    {
      hint: `Raise ${high} or lower ${low}.`,
    },
  );
}
