import { createReadStream } from 'node:fs';
import { TidingsError } from '../../core/errors.js';

const mostBytes = 1024 * 1024;

/** The text of a file, as far as a rules file goes: what does not end, such as a device, is given up. */
export async function readText(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes: Buffer;
  try {
    // One byte more than is allowed.
    for await (const chunk of createReadStream(path, { end: mostBytes })) chunks.push(chunk as Buffer);
    bytes = Buffer.concat(chunks);
  } catch (error) {
    throw new TidingsError('configuration', `the rules file ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (bytes.length > mostBytes)
    throw new TidingsError(
      'configuration',
      `the rules file ${path} is larger than ${String(mostBytes)} bytes: divide it over several processes`,
    );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new TidingsError('configuration', `the rules file ${path} is not text in UTF-8`, { cause: error });
  }
}
