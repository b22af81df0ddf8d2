import { Exclude, Expose, Transform, Type } from 'class-transformer';
import {
  ArrayMinSize,
  Contains,
  Equals,
  IsArray,
  IsBoolean,
  IsDate,
  IsEmail,
  IsEnum,
  IsIn,
  IsInt,
  IsISO8601,
  IsNotEmpty,
  IsNumber,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  MinDate,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { event, eventListener, faultListener, Secret } from 'tidings';
import type { EventListener, Fault } from 'tidings';

export enum Colour {
  Red = 'red',
  Green = 'green',
}

export enum Size {
  Small,
  Large,
}

export class Money {
  @IsPositive() readonly amount: number;
  @IsIn(['EUR', 'USD']) readonly currency: string;

  constructor(amount = 1, currency = 'EUR') {
    this.amount = amount;
    this.currency = currency;
  }
}

export class Item {
  @IsString() @IsNotEmpty() readonly article: string;
  @Max(99) @IsInt() @Min(1) readonly count: number;
  @ValidateNested() @Type(() => Money) readonly price: Money;
  @IsOptional() @ValidateNested({ each: true }) @Type(() => Item) readonly parts?: Item[] | undefined;

  constructor(article = 'a', count = 1, price = new Money(), parts?: Item[]) {
    this.article = article;
    this.count = count;
    this.price = price;
    this.parts = parts;
  }
}

@event({ name: 'contracts.order.placed', version: 2, description: 'An order was placed' })
export class OrderPlaced {
  @IsUUID() readonly orderId!: string;
  @IsEnum(Colour) readonly colour!: Colour;
  @IsEnum(Size) readonly size!: Size;
  @ValidateNested({ each: true }) @Type(() => Item) @IsArray() @ArrayMinSize(1) readonly items!: Item[];
  @IsOptional() @IsString() @MaxLength(20) @MinLength(2) readonly note?: string | null;
  @IsOptional() @IsEnum(Colour) readonly second?: Colour | null;
  @IsDate() @Type(() => Date) readonly at!: Date;
  @IsOptional() @MinDate(() => new Date(0)) @Type(() => Date) readonly due?: Date;
  @IsISO8601() readonly day!: string;
  @IsString({ each: true }) readonly tags!: string[];
  @Matches(/^[A-Z]{2}\d+$/) readonly code!: string;
  @Matches(/^[a-z]+$/i) readonly loose!: string;
  @Contains('a.b') readonly dotted!: string;
  @Equals(3) readonly three!: number;
  @ValidateIf((order: OrderPlaced) => order.three === 4) @IsString() readonly conditional?: unknown;
  @IsEmail() @Secret() readonly email!: string;
  @IsBoolean() @Expose({ name: 'is_gift' }) readonly gift!: boolean;
  @IsString() @Exclude({ toPlainOnly: true }) readonly internal: string = 'x';
  @IsNumber() @Transform(({ value }: { value: number }) => `${String(value)} m`, { toPlainOnly: true }) readonly length!: number;
  @Type(() => Date) readonly untold?: Date;
}

@event('contracts.plain')
export class Plain {
  readonly anything: string = 'x';
}

@event({ name: 'contracts.paid', durable: false, accepts: ['com.example.paid'] })
export class Paid {
  @ValidateNested() @Type(() => Money) readonly price = new Money();
}

@eventListener(OrderPlaced, 'contracts.mailer')
export class Mailer implements EventListener<OrderPlaced> {
  on(): void {}
}

@eventListener(OrderPlaced, { name: 'contracts.cache', perProcess: true, sharedQueue: true })
export class Cache implements EventListener<OrderPlaced> {
  on(): void {}
}

@faultListener(Paid, 'contracts.alarm')
export class Alarm {
  on(_paid: Paid | undefined, _fault: Fault): void {}
}

@event('contracts.tree')
export class Tree {
  @IsString() readonly name: string = 'x';
  @IsArray() @ValidateNested({ each: true }) @Type(() => Tree) readonly children: Tree[] = [];
}
