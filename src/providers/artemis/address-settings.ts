import type { ArtemisManagement, Row } from './artemis-management.js';

export interface SettingsPlace {
  /** What the settings are written for: an address, or many by a wildcard. */
  readonly match: string;
  /** One of those addresses, there or not. */
  readonly within: string;
  /** What holds for an address beside them: all that is inherited. */
  readonly heirs: () => Promise<Row>;
}

/** As they hold for an address, whether it is there or not. */
export async function settingsOf(management: ArtemisManagement, address: string): Promise<Row> {
  return JSON.parse(String(await management.operation('broker', 'getAddressSettingsAsJSON', address))) as Row;
}

/**
 * Written only where they differ. A write replaces all that the operator has set for this very match, so that is written again; not what
 * it inherits, which would stay as it is now when the operator changes it.
 */
export async function ensureSettings(
  management: ArtemisManagement,
  { match, within, heirs }: SettingsPlace,
  wanted: Readonly<Record<string, unknown>>,
): Promise<void> {
  const current = await settingsOf(management, within);
  if (Object.entries(wanted).every(([key, value]) => current[key] === value)) return;
  const others = await heirs();
  const own = Object.entries(current).filter(([key, value]) => others[key] !== value);
  await management.operation('broker', 'addAddressSettings', match, JSON.stringify({ ...Object.fromEntries(own), ...wanted }));
}
