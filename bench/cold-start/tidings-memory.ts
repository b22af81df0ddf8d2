import { MemoryProvider } from '../../src/index.js';
import type { FirstSend } from './first-send.js';
import { sendFirst } from './tidings.js';

export const firstSend: FirstSend = (job) => sendFirst(new MemoryProvider(), job);
