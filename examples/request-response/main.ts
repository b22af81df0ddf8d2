/**
 * One process asks, and answers itself: a request with one answer, one that fails over there, one that nobody can answer, and the offers of
 * all who have some. In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, MemoryProvider, RemoteError, TidingsError } from 'tidings';
import type { Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { GetAdvice, GetOffers, GetQuote, Quote } from './events.js';
import { Exchange, North, South } from './responders.js';

function provider(): Provider {
  const url = process.env['TIDINGS_URL'];
  return url === undefined ? new MemoryProvider() : new AmqpProvider({ url });
}

const container = new Container();
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
container.load(eventing({ provider: provider(), serviceName: 'request-response', listeners: [Exchange, North, South], logger: silent }));
const events = container.get(EventManager);
await events.start();

const quote = await events.request(new GetQuote('ACME'), Quote);
console.log(`${quote.symbol} costs ${String(quote.cents)}`);

try {
  await events.request(new GetQuote('NONE'), Quote);
} catch (error) {
  if (RemoteError.is(error)) console.log(`${error.remoteName} (${String(error.remoteCode)}): ${error.message}`);
}

try {
  await events.request(new GetAdvice('ACME'), Quote, { timeoutMs: 10_000 });
} catch (error) {
  if (TidingsError.is(error)) console.log(error.code);
}

const offers: Quote[] = [];
for await (const offer of events.requestAll(new GetOffers('ACME'), Quote, { timeoutMs: 10_000, count: 3 })) offers.push(offer);
for (const { broker, cents } of offers.sort((one, two) => two.cents - one.cents)) console.log(`${broker}: ${String(cents)}`);

await events.stop();
console.log('stopped');
