import { Type } from 'class-transformer';
import { IsDate, IsInt, IsNumber, IsString, IsUUID, MaxLength } from 'class-validator';

/** What the benchmarks over a broker send. */
export class Parcel {
  @IsUUID() id = '';
  @IsInt() customer = 0;
  @IsString() @MaxLength(320) email = '';
  @IsDate() @Type(() => Date) placedAt = new Date(0);
  @IsNumber() total = 0;
  @IsString() note = '';
}

/** One that is so many bytes of JSON. */
export function parcelOf(bytes: number): Parcel {
  const parcel = Object.assign(new Parcel(), {
    id: '3e1f6c52-8a52-4b0e-a1b6-0c2f63d0f9aa',
    customer: 48_151_623,
    email: 'somebody@example.com',
    placedAt: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
    total: 142.5,
  });
  const missing = bytes - JSON.stringify(parcel).length;
  if (missing < 0) throw new Error(`no parcel is as small as ${String(bytes)} bytes`);
  parcel.note = 'leave it at the back door, please; '.repeat(Math.ceil(missing / 35)).slice(0, missing);
  return parcel;
}

export const eventName = 'bench.parcel';
export const listenerName = 'depot';

/** The queue of the listener, as the broker knows it. */
export function queueOf(prefix: string): string {
  return `${prefix}${eventName}::${prefix}${listenerName}`;
}

/** What a session adds to each event: one header by each of three pipelines. */
export const sessionHeaders: readonly (readonly [name: string, value: string])[] = [
  ['session_id', 'f3b1c2d4e5f60718'],
  ['tenant', 'north-west'],
  ['locale', 'en-GB'],
];
