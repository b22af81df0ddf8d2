export { cbor } from './cbor-codec.js';
