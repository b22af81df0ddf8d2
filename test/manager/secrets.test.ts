import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { Allow, IsCreditCard, IsInt, IsString, Length, registerDecorator, ValidateNested, type ValidationArguments } from 'class-validator';
import { event, eventListener, faultListener, InvalidEventError, Secret } from '../../src/index.js';
import type { Class, EventManager, Fault } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { unique, World } from '../support/world.js';

const secret = 'hunter2-4711';

const backwards = (value: unknown): string => Array.from(JSON.stringify(value)).reverse().join('');
const never = [secret, backwards(secret)];

/** A rule whose words quote all that it sees. */
function Chatty(says = ({ value, object }: ValidationArguments) => JSON.stringify([value, object])): PropertyDecorator {
  return (target, propertyName) => {
    const place = { name: 'chatty', target: target.constructor, propertyName: propertyName as string };
    registerDecorator({ ...place, validator: { validate: () => false, defaultMessage: says } });
  };
}

class Card {
  @Secret() @IsCreditCard({ message: '$value is no card' }) number = secret;
  @Secret() @ValidateNested() @Type(() => Owner) owner = new Owner();
  @Chatty() label = 'mine';
}

class Owner {
  @Chatty(({ value }) => backwards(value)) aliases = [secret];
  @Length(1, 3, { message: ({ value }) => `${backwards(value)} is too long` }) name = secret;
}

const name = unique('secrets');

@event(name)
class Payment {
  @IsString({ message: '$value is no text' }) amount: unknown = 12;
  @Secret() @Length(20, 30, { message: 'not $value' }) password = secret;
  @Secret() @IsInt({ each: true, message: ({ value }) => `not ${String(value)}` }) codes: unknown[] = [secret];
  @ValidateNested() @Chatty(({ value }) => backwards(value)) @Type(() => Card) card = new Card();
  @ValidateNested() @Type(() => Card) cards = [new Card(), new Card()];
  @Chatty() repeated = secret;
  @Allow() unruled = 1;
}

async function refusalOf(manager: EventManager): Promise<InvalidEventError> {
  const error: unknown = await manager.sendEvent(new Payment()).catch((reason: unknown) => reason);
  if (error instanceof InvalidEventError) return error;
  throw new Error('it was not refused', { cause: error });
}

/** Everything that an error shows, to those who print it in full too. */
function allOf(error: InvalidEventError): string {
  return [error.message, error.stack, JSON.stringify(error), JSON.stringify(error.faults), String(error.cause)].join('\n');
}

function expectNoSecretIn(text: string): void {
  expect(text.length).toBeGreaterThan(50);
  for (const one of never) expect(text).not.toContain(one.replaceAll('"', ''));
}

describe('the value of a secret field', () => {
  it('is in no error of a send, whatever the words of its rules quote', async () => {
    await using world = new World();
    const error = await refusalOf(await world.started());
    expectNoSecretIn(allOf(error));
    const silent = { message: expect.stringMatching(/^does not keep the rule /) as unknown };
    expect(Object.fromEntries(error.faults.map((fault) => [fault.path, fault]))).toMatchObject({
      password: { ...silent, expected: 'isLength' },
      codes: silent,
      card: silent,
      'card.number': silent,
      'card.owner.name': silent,
      'card.label': silent,
      'cards[1].number': silent,
      repeated: silent,
      amount: { message: '12 is no text', received: '12' },
    });
    expect(error.faults.filter(({ received }) => received !== undefined).map(({ path }) => path)).toEqual(['amount']);
  });

  it('is in no log line, and in no header of what is archived or told to fault listeners', async () => {
    const told: Fault[] = [];
    @eventListener(Payment, unique('cashier'))
    class Cashier {
      on(): void {
        throw new Error('it was let through');
      }
    }
    @faultListener(Payment, unique('alarm'))
    class Alarm {
      on(_event: Payment | undefined, fault: Fault): void {
        told.push(fault);
      }
    }
    await using world = new World();
    const receiver = await world.started({ listeners: [Cashier, Alarm] as Class[] });
    const sender = await world.started({ validate: { send: false } });
    await sender.sendEvent(new Payment());
    await waitUntil(() => told.length === 1);
    const archived = [];
    for await (const one of receiver.archive(Cashier).browse()) archived.push(one);
    const [only] = archived;
    expect(archived).toHaveLength(1);
    expect(only?.reason).toBe('invalid');
    expect(only?.error.message).toMatch(/amount: 12 is no text \(received 12\); password: does not keep the rule isLength; /);
    expect(String(only?.body)).toContain(secret);
    expectNoSecretIn(JSON.stringify([[...(only?.headers ?? [])], only?.history, only?.error]));
    expect(only?.headers.size).toBeGreaterThan(10);
    expectNoSecretIn(JSON.stringify([told[0]?.error, told[0]?.failed, [...(told[0]?.envelope.headers() ?? [])]]));
    expect(world.logger.text()).toContain('does not keep the rule');
    expectNoSecretIn(world.logger.text());
  });

  it('is not told of a field that cannot be written either', async () => {
    await using world = new World();
    const payment = Object.assign(new Payment(), { password: new Map([[secret, secret]]), unruled: Symbol(secret) });
    const manager = await world.started({ validate: { send: false } });
    const error: unknown = await manager.sendEvent(payment).catch((reason: unknown) => reason);
    expect((error as InvalidEventError).faults.map(({ path }) => path)).toEqual(['password', 'unruled']);
    expectNoSecretIn(allOf(error as InvalidEventError));
  });
});
