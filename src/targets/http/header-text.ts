/** Any text as the value of a header, encoded as the HTTP binding of CloudEvents 1.0 says: percent signs for what is not printable ASCII. */
export function headerText(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x7e]|["%]/gu, encodeURIComponent);
}

/** Made by the connection, or able to change what a server takes for one request. */
const reserved = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What is wrong with the name of a header that a rule sets. */
export function headerNameMistake(name: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return 'is no name of a header: letters, digits and hyphens';
  return reserved.has(name.toLowerCase()) ? "is not a rule's to set: leave it out" : undefined;
}

/** Whether a header may hold the text as it stands. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text);
}
