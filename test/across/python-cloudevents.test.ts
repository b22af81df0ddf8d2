import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ContentMode, Provider } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { eventOf, listenerOf } from '../scenarios/option-effects.js';
import { ArtemisWorld, artemisUrl } from '../support/artemis.js';
import { unique } from '../support/world.js';
import type { LineProcess } from './line-process.js';
import { cloudEventsPython } from './python-programs.js';
import type { Received } from './program.js';
import { sides } from './sides.js';

const patience = { timeoutMs: 15_000 };
const testMs = 60_000;
const modes: readonly ContentMode[] = ['binary', 'structured'];
const data = { n: 7, text: 'é€😀 "quoted"\n back\\slash' };
const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=1,b=2' };
const sectioned = (): Provider => new AmqpProvider({ url: artemisUrl(), body: 'data' });

describe('the library of CloudEvents for Python', () => {
  let python: LineProcess;

  beforeAll(async () => {
    python = await cloudEventsPython();
  });

  afterAll(async () => {
    await python[Symbol.asyncDispose]();
  });

  it.each(modes)(
    "reads what is sent in %s mode with body: 'data': every attribute, and the data",
    async (contentMode) => {
      const name = unique('note');
      const made = eventOf({ version: 2, key: ({ n }: { readonly n: number }) => `order ${String(n)}` }, name);
      const received = await python.perform({ do: 'listen', address: `${name}::${unique('queue')}` });
      await using world = new ArtemisWorld();
      const manager = await world.started({ provider: sectioned(), contentMode, serviceName: 'shop' });
      const sent = await manager.sendEvent(Object.assign(new made(), data), { correlationId: 'c 1', headers: { ...trace } });
      await waitUntil(() => received.length > 0, patience);
      expect(received).toHaveLength(1);
      const { kind, body, headers: attributes } = received[0] as Received;
      expect([kind, JSON.parse(body)]).toEqual([`${contentMode} dict`, data]);
      expect(attributes).toEqual({
        specversion: '1.0',
        id: sent.id,
        source: 'shop',
        type: name,
        time: expect.any(String),
        subject: 'order 7',
        dataschema: `urn:tidings:${name}:2`,
        correlationid: 'c 1',
        datacontenttype: 'application/json',
        ...trace,
      });
      expect(Math.abs(Date.parse(attributes['time'] ?? '') - Date.now())).toBeLessThan(testMs);
    },
    testMs,
  );

  it.each(modes)(
    'reads bytes that a pipeline has made, in %s mode',
    async (contentMode) => {
      const name = unique('note');
      const made = eventOf({}, name);
      const received = await python.perform({ do: 'listen', address: `${name}::${unique('queue')}` });
      await using world = new ArtemisWorld();
      const manager = await world.started({
        provider: sectioned(),
        contentMode,
        pipelines: [
          {
            send: (envelope, _event, next) => {
              envelope.setBody(Uint8Array.of(0, 0xff, 0x80), 'application/x-own');
              return next();
            },
          },
        ],
      });
      await manager.sendEvent(Object.assign(new made(), data));
      await waitUntil(() => received.length > 0, patience);
      expect(received[0]).toMatchObject({
        kind: `${contentMode} bytes`,
        body: '00ff80',
        headers: { datacontenttype: 'application/x-own' },
      });
    },
    testMs,
  );

  describe.each(sides)('and Tidings over $name', (side) => {
    it.each(
      modes.flatMap((mode) => [
        { mode, what: 'an object', content: { data } },
        { mode, what: 'bytes', content: { bytes: Buffer.from(JSON.stringify(data)).toString('hex') } },
      ]),
    )(
      'sends $what in $mode mode, and a listener gets it with every attribute',
      async ({ mode, content }) => {
        const name = unique('note');
        const made = eventOf({}, name);
        const listener = listenerOf(made, undefined, { name: unique('queue') });
        await using world = new ArtemisWorld();
        await world.started({ provider: side.create(), listeners: [listener.target] });
        const attributes = {
          id: 'A-1',
          source: '/python',
          type: name,
          time: '2026-01-02T03:04:05.006Z',
          subject: 'order 7',
          datacontenttype: 'application/json',
          dataschema: 'https://example.org/schema',
          correlationid: 'c 1',
          sequence: 5,
          sampled: true,
          ...trace,
        };
        await python.perform({ do: 'send', address: name, mode, attributes, ...content });
        await waitUntil(() => listener.calls.length > 0, patience);
        const [call] = listener.calls;
        const envelope = call?.context.envelope;
        expect(call?.note).toEqual(data);
        const said = {
          id: envelope?.id,
          source: envelope?.source,
          type: envelope?.type,
          time: envelope?.time.toISOString(),
          subject: envelope?.subject,
          datacontenttype: envelope?.contentType,
          dataschema: envelope?.extension('dataschema'),
          correlationid: envelope?.correlationId,
          sequence: Number(envelope?.extension('sequence')),
          sampled: envelope?.extension('sampled') === 'true',
          traceparent: envelope?.get('traceparent'),
          tracestate: envelope?.get('tracestate'),
        };
        expect(said).toEqual(attributes);
      },
      testMs,
    );
  });
});
