/** How queues come into being. */
export const provisionings = ['management', 'attach', 'none'] as const;

export type Provisioning = (typeof provisionings)[number];

/** 'automatic': through the management, and by attaching where the right to it is missing. */
export type ProvisioningMode = Provisioning | 'automatic';
