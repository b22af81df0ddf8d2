export { maxNesting } from '../core/nesting.js';
