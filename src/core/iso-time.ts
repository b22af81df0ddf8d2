let lastMs = NaN;
let lastText = '';

/** A time in ISO 8601. What happens in one millisecond is written once: the text costs more than all the rest of a header. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}
