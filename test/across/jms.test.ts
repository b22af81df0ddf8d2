import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld, artemisUrl } from '../support/artemis.js';
import { unique } from '../support/world.js';
import { conversations } from './exchange.js';
import { jmsPrograms, startJava } from './jms-programs.js';
import type { LineProcess } from './line-process.js';

let java: LineProcess;

beforeAll(async () => {
  java = await startJava();
});

afterAll(async () => {
  await java[Symbol.asyncDispose]();
});

const programs = jmsPrograms(() => java);

conversations(programs);

describe.each(programs)('$name', ({ start, words }) => {
  it("reads a text also where Tidings over AMQP writes a Data section (body: 'data')", async () => {
    const name = unique('event');
    const received = await (await start()).listen(name, unique('queue'));
    await using world = new ArtemisWorld();
    const manager = await world.started({ provider: new AmqpProvider({ url: artemisUrl(), body: 'data' }) });
    await manager.send(name, { text: 'é€😀' });
    await waitUntil(() => received.length > 0);
    expect(received).toMatchObject([{ kind: words.text, body: '{"text":"é€😀"}' }]);
  });
});
