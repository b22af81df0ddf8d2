export { StompProvider } from './stomp-provider.js';
export type { StompOptions } from './stomp-options.js';
