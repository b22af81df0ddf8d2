export { AmqpProvider } from './amqp-provider.js';
export type { AmqpOptions } from './amqp-options.js';
