/**
 * The operation that wrote or removed something, by numbers: see {@link Origins}. Valid during the
 * call it is passed to: writers of many operations use one object for all of them.
 */
export interface Dot {
  readonly origin: number;
  readonly sequence: number;
  readonly stamp: number;
}

/** A dot that its owner moves on from operation to operation. */
export class MovingDot implements Dot {
  origin: number;
  sequence = 0;
  stamp = 0;

  constructor(origin: number) {
    this.origin = origin;
  }
}
