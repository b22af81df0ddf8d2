/** Of every command. */
export const exitCodes = { passed: 0, failed: 1, wrongUse: 2, interrupted: 130 } as const;
