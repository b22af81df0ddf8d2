/** mulberry32, so that a failure can be repeated from its seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Another one at each run; a failure prints it, and TIDINGS_SEED plays it again. */
export function seedOfTests(): number {
  const given = process.env['TIDINGS_SEED'];
  return given === undefined ? Math.floor(Math.random() * 1_000_000) : Number(given);
}
