import { StompProvider } from '../../src/providers/stomp/index.js';
import type { FirstSend } from './first-send.js';
import { sendFirst } from './tidings.js';

export const firstSend: FirstSend = (job) => sendFirst(new StompProvider({ url: job.url }), job);
