/** As ours. Not from the payload of the other benchmarks: that loads libraries which a bare client does without. */
export const headers = {
  cloudEvents_id: '3e1f6c52-8a52-4b0e-a1b6-0c2f63d0f9aa',
  cloudEvents_source: 'bench',
  cloudEvents_type: 'bench.parcel',
  cloudEvents_time: '2026-01-02T03:04:05.678Z',
  cloudEvents_specversion: '1.0',
  tidings_id: '3e1f6c52-8a52-4b0e-a1b6-0c2f63d0f9aa',
};

export function body(): string {
  return JSON.stringify({
    id: '3e1f6c52-8a52-4b0e-a1b6-0c2f63d0f9aa',
    customer: 48_151_623,
    email: 'somebody@example.com',
    placedAt: new Date(),
    total: 142.5,
    note: 'leave it at the back door, please',
  });
}
