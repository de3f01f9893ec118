/** Limits of names, keys and values. Sizes are bytes of UTF-8. */
export const schemaLimits: {
  readonly maxNameLength: 128;
  readonly maxKeyBytes: 1024;
  readonly maxValueBytes: 262144;
  readonly maxKeyColumns: 8;
  readonly maxComplexDepth: 32;
  readonly maxExpiryMilliseconds: 315360000000;
} = {
  maxNameLength: 128,
  maxKeyBytes: 1024,
  maxValueBytes: 262_144,
  maxKeyColumns: 8,
  maxComplexDepth: 32,
  /** Ten years of 365 days. */
  maxExpiryMilliseconds: 315_360_000_000,
};
