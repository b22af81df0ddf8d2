import 'reflect-metadata';
import { IsInt, IsString } from 'class-validator';
import { expect } from '@jest/globals';
import { compareContracts, describeEvents, event, eventListener, upcaster } from '../../src/index.js';
import type { AsyncApiDocument, Class, DescribeOptions, Provider } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/amqp-provider.js';
import { unique } from '../support/world.js';
import { optionEffects } from './option-effects.js';

function made(version = 1): { readonly name: string; readonly target: Class<{ n: number }>; readonly listener: Class } {
  const name = unique('described');
  @event({ name, version })
  class E {
    @IsInt() n = 0;
    @IsString() text = '';
  }
  @eventListener(E, { name: `${name}-listener`, perProcess: true })
  class L {
    on(): void {
      // Only described.
    }
  }
  return { name, target: E, listener: L };
}

/** The document without an option and with it, as texts. */
async function both(options: Partial<DescribeOptions>, { target, listener } = made(2)): Promise<readonly [string, string]> {
  const plain: DescribeOptions = { title: 'Shop', version: '1', events: [target], listeners: [listener], upcasters: [] };
  return [textOf(await describeEvents(plain)), textOf(await describeEvents({ ...plain, ...options }))];
}

function textOf(document: AsyncApiDocument): string {
  return JSON.stringify(document);
}

/** What is in the second document only. */
async function adds(options: Partial<DescribeOptions>, text: string): Promise<void> {
  const [without, withIt] = await both(options);
  expect([without.includes(text), withIt.includes(text)]).toEqual([false, true]);
}

function amqp(): Provider {
  return new AmqpProvider({ url: 'amqp://user:secret@broker.test:5672', queueNaming: 'qualified' });
}

optionEffects('DescribeOptions', {
  title: () => adds({ title: 'Warehouse' }, '"title":"Warehouse"'),
  version: () => adds({ version: '2.7' }, '"version":"2.7"'),
  description: () => adds({ description: 'of all that happens' }, 'of all that happens'),
  events: async () => {
    const other = made();
    const [without, withIt] = await both({ events: [other.target] });
    expect([without.includes(`"send.${other.name}"`), withIt.includes(`"send.${other.name}"`)]).toEqual([false, true]);
  },
  listeners: async () => {
    const other = made();
    const [without, withIt] = await both({ listeners: [other.listener] });
    expect([without.includes(`${other.name}-listener`), withIt.includes(`${other.name}-listener`)]).toEqual([false, true]);
  },
  upcasters: async () => {
    const changed = made(2);
    @upcaster(changed.target, 1)
    class Step {
      up(body: Record<string, unknown>): Record<string, unknown> {
        return body;
      }
    }
    const [without, withIt] = await both({ upcasters: [Step] }, changed);
    expect(withIt).not.toBe(without);
  },
  provider: () => adds({ provider: amqp() }, 'broker.test'),
  providers: () => adds({ providers: { main: amqp(), spare: amqp() } }, '"main"'),
  queueNaming: async () => {
    const own = made();
    const [without, withIt] = await both({ queueNaming: 'qualified' }, own);
    const qualified = `${own.name}::${own.name}.${own.name}-listener`;
    expect([without.includes(qualified), withIt.includes(qualified)]).toEqual([false, true]);
  },
  serverName: () => adds({ serverName: 'blue' }, '-listener-blue'),
  namePrefix: () => adds({ namePrefix: 'staging.' }, '"address":"staging.'),
  contentType: () => adds({ contentType: 'application/cbor' }, 'application/cbor'),
  contentMode: () => adds({ contentMode: 'structured' }, 'application/cloudevents+json'),
  strict: () => adds({ strict: true }, '"additionalProperties":false'),
  payloads: async () => {
    const own = made();
    const [without, withIt] = await both({ payloads: { [own.name]: { type: 'object', title: 'by hand' } } }, own);
    expect([without.includes('by hand'), withIt.includes('by hand')]).toEqual([false, true]);
  },
});

optionEffects('CompareOptions', {
  allowNewVersions: async () => {
    const name = unique('described');
    const documentOf = async (version: number): Promise<AsyncApiDocument> => {
      @event({ name, version })
      class E {
        @IsInt() n = 0;
      }
      return describeEvents({ title: 'Shop', version: '1', events: [E], listeners: [], upcasters: [] });
    };
    const [old, now] = [await documentOf(1), await documentOf(2)];
    const breaking = (allowNewVersions: boolean): boolean =>
      compareContracts(old, now, { allowNewVersions }).some(({ kind, rule }) => rule === 'version-raised' && kind !== 'compatible');
    expect([breaking(false), breaking(true)]).toEqual([true, false]);
  },
});
