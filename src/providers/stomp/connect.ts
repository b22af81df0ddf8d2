import type { Endpoint } from '../network/endpoints.js';
import type { PeerFault } from '../network/peer-fault.js';
import type { StompConnection } from './stompjs-driver.js';

/** Opens one more connection to a broker. `onLost`: as `StompConnection.open` says. */
export type Connect = (endpoint: Endpoint, signal: AbortSignal, onLost: (fault: PeerFault) => void) => Promise<StompConnection>;
