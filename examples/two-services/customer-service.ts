import { eventListener } from 'tidings';
import type { EventListener } from 'tidings';
import { ParcelSent } from './events.js';

const waitingFor = new Set([1, 2, 3]);
let allSent: () => void = () => undefined;
export const done = new Promise<void>((resolve) => (allSent = resolve));

@eventListener(ParcelSent, 'two-services.customer-service')
export class CustomerService implements EventListener<ParcelSent> {
  on({ order }: ParcelSent): void {
    console.log(`shop: the parcel of order ${String(order)} is on its way`);
    if (waitingFor.delete(order) && waitingFor.size === 0) allSent();
  }
}
