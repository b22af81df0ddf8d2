import 'reflect-metadata';
import { conversations } from './exchange.js';
import { aspyxEvent, proton, stompPy } from './python-programs.js';

conversations([proton, stompPy, aspyxEvent]);
