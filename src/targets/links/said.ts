import { types } from 'node:util';
import { describe } from '../../core/errors.js';

/** The message of an error of a driver. Those of Node itself may be of another realm, where tests have one of their own. */
export function said(error: unknown): string {
  return types.isNativeError(error) && error.message !== '' ? error.message : describe(error);
}
