import { AmqpProvider } from '../../src/providers/amqp/index.js';
import type { FirstSend } from './first-send.js';
import { sendFirst } from './tidings.js';

export const firstSend: FirstSend = (job) => sendFirst(new AmqpProvider({ url: job.url }), job);
