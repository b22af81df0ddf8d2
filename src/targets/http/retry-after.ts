const longestMs = 3_600_000;
const httpDate = /^[A-Z][a-z]+, \d{2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/;

/** How long a target wants to be left alone: an hour at most. Undefined where it does not say, or says that it does not mind. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const said = header?.trim() ?? '';
  const ms = /^\d+$/.test(said) ? Number(said) * 1_000 : httpDate.test(said) ? Date.parse(said) - nowMs : NaN;
  return ms > 0 ? Math.min(ms, longestMs) : undefined;
}
