import { testBroker, type TestBroker } from '../src/testing/test-broker.js';

/**
 * With more memory than tests need. A thousand listeners over STOMP take 350 MB of it, and half a million events as much: with
 * 512 MB the broker did nothing but collect garbage, and sends reached their deadlines. Where it is one in a container, or was given, its memory
 * is what it is.
 */
export async function roomyBroker(): Promise<TestBroker> {
  const before = process.env['JAVA_ARGS_APPEND'] ?? '';
  process.env['JAVA_ARGS_APPEND'] = `${before} -Xmx3G`;
  try {
    return await testBroker();
  } finally {
    process.env['JAVA_ARGS_APPEND'] = before;
  }
}
