import { testBroker } from '../../src/testing/test-broker.js';
import { jmsClassPathVariable } from '../setup/java-toolchain.js';
import { LineProcess } from './line-process.js';
import { LineProgram } from './line-program.js';
import type { Counterpart } from './program.js';

/** Both clients live in one Java process, for it is slow to start. Its user ends it. */
export async function startJava(): Promise<LineProcess> {
  const classPath = process.env[jmsClassPathVariable];
  if (classPath === undefined) throw new Error(`${jmsClassPathVariable} is not set by the test setup`);
  const { host, amqpPort, coreUrl, username, password } = await testBroker();
  const addresses = [`amqp://${host}:${String(amqpPort)}`, coreUrl];
  return new LineProcess('the JMS program', 'java', [
    '-Xshare:auto',
    '-XX:TieredStopAtLevel=1',
    '-cp',
    classPath,
    'JmsPeer',
    ...addresses,
    username,
    password,
  ]);
}

export function jmsPrograms(java: () => LineProcess): readonly Counterpart[] {
  const words = { text: 'TextMessage', bytes: 'BytesMessage', map: 'MapMessage' };
  return [
    {
      name: 'JMS by the client of Qpid',
      words,
      start: async () => new LineProgram(java(), { client: 'qpid' }),
    },
    { name: 'JMS by the client of Artemis', words, start: async () => new LineProgram(java(), { client: 'core' }) },
  ];
}
