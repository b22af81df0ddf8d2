import { testBroker } from '../../src/testing/test-broker.js';
import { pythonVariable } from '../setup/python-toolchain.js';
import { LineProcess, script } from './line-process.js';
import { LineProgram } from './line-program.js';
import type { Counterpart, Outgoing, Program, Received } from './program.js';

export const proton: Counterpart = {
  name: 'Qpid Proton for Python',
  words: { text: 'str', bytes: 'memoryview', map: 'dict' },
  async start() {
    const { url } = await testBroker();
    return new LineProgram(python('Proton', 'proton_peer.py', [url]));
  },
};

export const stompPy: Counterpart = {
  name: 'stomp.py',
  // It does not tell its user which of the two came.
  words: { text: 'str', bytes: 'str' },
  async start() {
    const { host, stompPort, username, password } = await testBroker();
    return new LineProgram(python('stomp.py', 'stomp_peer.py', [host, String(stompPort), username, password]));
  },
};

export const aspyxEvent: Counterpart = {
  name: 'aspyx_event',
  // Its listeners are called with an instance of the dataclass.
  words: { text: 'Note' },
  async start() {
    const { host, amqpPort, username, password } = await testBroker();
    return new AspyxPrograms([host, String(amqpPort), username, password]);
  },
};

/** The library of CloudEvents itself, over Proton: it has words of its own. */
export async function cloudEventsPython(): Promise<LineProcess> {
  const { url } = await testBroker();
  return python('CloudEvents for Python', 'cloudevents_peer.py', [url]);
}

/** It takes its events and listeners from decorated classes when it starts: so there is one process for each. */
class AspyxPrograms implements Program {
  readonly #broker: readonly string[];
  readonly #processes: LineProcess[] = [];
  readonly #senders = new Map<string, LineProcess>();

  constructor(broker: readonly string[]) {
    this.#broker = broker;
  }

  listen(event: string, queue: string): Promise<readonly Received[]> {
    return this.#process([event, queue]).perform({ do: 'listen' });
  }

  read(archive: string): Promise<readonly Received[]> {
    return this.listen(archive, archive);
  }

  async send(event: string, message: Outgoing): Promise<void> {
    let sender = this.#senders.get(event);
    if (sender === undefined) this.#senders.set(event, (sender = this.#process([event])));
    await sender.perform({ do: 'send', ...message });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
  }

  #process(names: readonly string[]): LineProcess {
    const process = python('aspyx_event', 'aspyx_peer.py', [...this.#broker, ...names]);
    this.#processes.push(process);
    return process;
  }
}

function python(name: string, file: string, args: readonly string[]): LineProcess {
  const interpreter = process.env[pythonVariable];
  if (interpreter === undefined) throw new Error(`${pythonVariable} is not set by the test setup`);
  // Nothing compiled is left among the sources, and texts are UTF-8 whatever the locale.
  return new LineProcess(name, interpreter, ['-B', '-X', 'utf8', script(file), ...args]);
}
