import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsDate,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsNumber,
  IsString,
  IsUUID,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';

class Item {
  @IsString() @IsNotEmpty() sku = '';
  @IsString() title = '';
  @IsInt() @Min(1) count = 0;
  @IsNumber() price = 0;
}

/**
 * What benchmarks send: ten fields, a date, five nested items, rules on all of them. The rules do little themselves, unlike `@IsEmail` with its
 * microsecond and a half: what is measured is how they are reached.
 */
export class Order {
  @IsUUID() id = '';
  @IsInt() customer = 0;
  @IsString() @MaxLength(200) email = '';
  @IsDate() @Type(() => Date) placedAt = new Date(0);
  @IsIn(['EUR', 'USD']) currency = 'EUR';
  @IsNumber() total = 0;
  @IsBoolean() express = false;
  @IsString() note = '';
  @IsString() channel = '';
  @IsArray() @ArrayMinSize(1) @ValidateNested({ each: true }) @Type(() => Item) items: Item[] = [];
}

function item(index: number): Item {
  const fields = {
    sku: `SKU-${String(4711 + index)}`,
    title: `A useful thing ${String(index)}`,
    count: index + 1,
    price: 12.5 + index,
  };
  return Object.assign(new Item(), fields);
}

export function anOrder(): Order {
  return Object.assign(new Order(), {
    id: '3e1f6c52-8a52-4b0e-a1b6-0c2f63d0f9aa',
    customer: 48_151_623,
    email: 'somebody@example.com',
    placedAt: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
    total: 142.5,
    express: true,
    note: 'leave it at the back door',
    channel: 'web',
    items: [0, 1, 2, 3, 4].map(item),
  });
}
