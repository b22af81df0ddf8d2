import type { SchemaObject } from './json-schema.js';

/** What of a rule of class-validator a schema needs. */
export interface Rule {
  readonly type: string;
  /** Of a condition: 'isOptional' is one of its kind. */
  readonly name?: string | undefined;
  readonly propertyName: string;
  // Each rule has its own: an enum, numbers, a regular expression.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as class-validator keeps what its rules were given
  readonly constraints?: readonly any[] | undefined;
  readonly each?: boolean | undefined;
}

type Convert = SchemaObject | ((rule: Rule) => SchemaObject);

const text: SchemaObject = { type: 'string' };
const dateTime: SchemaObject = { type: 'string', format: 'date-time' };

/** Rules for texts that class-validator-jsonschema does not know. */
const texts = [
  'isBIC',
  'isBase32',
  'isBase58',
  'isBtcAddress',
  'isDataURI',
  'isEAN',
  'isEthereumAddress',
  'IsFirebasePushId',
  'isDecimal',
  'isISO31661Numeric',
  'isISO6391',
  'isHSL',
  'isHash',
  'isIBAN',
  'isISO31661Alpha2',
  'isISO31661Alpha3',
  'isISO4217CurrencyCode',
  'isISRC',
  'isISSN',
  'isIdentityCard',
  'isJwt',
  'isLocale',
  'isMACAddress',
  'isMacAddress',
  'isMagnetURI',
  'isMimeType',
  'isOctal',
  'isPassportNumber',
  'isPhoneNumber',
  'isPort',
  'isPostalCode',
  'isRFC3339',
  'isRgbColor',
  'isSemVer',
  'isStrongPassword',
  'isTaxId',
  'isTimeZone',
];

/**
 * Over those of class-validator-jsonschema, whose schemas for these refuse what the rule lets pass or what stands on the wire: dates are
 * ISO texts there; ISO 8601 has more forms than `date-time`; an enum of numbers is no text; a pattern is not its text.
 */
export const ruleSchemas: Readonly<Record<string, Convert>> = {
  ...Object.fromEntries(texts.map((rule) => [rule, text])),
  customValidation: {},
  isDefined: {},
  isNotEmpty: {},
  isDate: dateTime,
  minDate: dateTime,
  maxDate: dateTime,
  isIso8601: text,
  isDateString: text,
  isNumberString: text,
  isIp: text,
  isBooleanString: { type: 'string', enum: ['true', 'false', '1', '0'] },
  isHexColor: { type: 'string', pattern: '^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$' },
  isHexadecimal: { type: 'string', pattern: '^(0[xXhH])?[0-9a-fA-F]+$' },
  isAlpha: ({ constraints }) => latin('^[a-zA-Z]+$', constraints?.[0]),
  isAlphanumeric: ({ constraints }) => latin('^[0-9a-zA-Z]+$', constraints?.[0]),
  isEmpty: { enum: ['', null] },
  equals: ({ constraints }) => among([constraints?.[0]]),
  notEquals: ({ constraints }) => notAmong([constraints?.[0]]),
  isIn: ({ constraints }) => among(listOf(constraints?.[0])),
  isNotIn: ({ constraints }) => notAmong(listOf(constraints?.[0])),
  isEnum: ({ constraints }) => among(enumValues(constraints?.[0] as Record<string, unknown>)),
  contains: ({ constraints }) => ({ type: 'string', pattern: literally(String(constraints?.[0])) }),
  notContains: ({ constraints }) => ({ type: 'string', not: { pattern: literally(String(constraints?.[0])) } }),
  matches: ({ constraints }) => pattern(constraints?.[0], constraints?.[1] as string | undefined),
  arrayContains: ({ constraints }) => ({
    type: 'array',
    allOf: listOf(constraints?.[0])
      .filter(isPlain)
      .map((value) => ({ contains: { enum: [value] } })),
  }),
  arrayNotContains: ({ constraints }) => ({ type: 'array', items: notAmong(listOf(constraints?.[0])) }),
};

function latin(pattern: string, locale: unknown): SchemaObject {
  return locale === undefined || locale === 'en-US' ? { type: 'string', pattern } : text;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : Object.values(value ?? {});
}

/** Whether JSON has the value as it is, to be compared. */
function isPlain(value: unknown): boolean {
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}

function among(values: unknown[]): SchemaObject {
  return values.length > 0 && values.every(isPlain) ? { enum: [...new Set(values)] } : {};
}

function notAmong(values: unknown[]): SchemaObject {
  const plain = values.filter(isPlain);
  return plain.length === 0 ? {} : { not: { enum: plain } };
}

/** TypeScript writes an enum of numbers both ways round. */
function enumValues(entity: Record<string, unknown>): unknown[] {
  return Object.keys(entity)
    .filter((key) => !/^-?\d+(\.\d+)?$/.test(key))
    .map((key) => entity[key]);
}

function literally(found: string): string {
  return found.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function pattern(given: unknown, modifiers: string | undefined): SchemaObject {
  const { source, flags } = given instanceof RegExp ? given : { source: String(given), flags: modifiers ?? '' };
  // A JSON Schema has no flags.
  return /[ims]/.test(flags) ? { type: 'string', $comment: `/${source}/${flags}` } : { type: 'string', pattern: source };
}

/** Rules that let pass what is not there. */
const satisfiedByNothing = new Set([
  'conditionalValidation',
  'customValidation',
  'isEmpty',
  'isNotIn',
  'nestedValidation',
  'notEquals',
  'whitelistValidation',
]);

/** Whether a rule refuses a field that is missing or null. Those of the user are not known. */
export function wantsValue({ type }: Rule, known: (type: string) => boolean): boolean {
  return !satisfiedByNothing.has(type) && known(type);
}

const least = ['minimum', 'exclusiveMinimum', 'minItems', 'minLength', 'minProperties'];
const most = ['maximum', 'exclusiveMaximum', 'maxItems', 'maxLength', 'maxProperties'];

/** One schema of several, all of which must hold. */
export function together(parts: readonly SchemaObject[]): SchemaObject {
  const whole: SchemaObject = {};
  const besides: unknown[] = [];
  for (const part of parts) {
    const left: SchemaObject = {};
    for (const [keyword, value] of Object.entries(part)) {
      const there = whole[keyword];
      if (there === undefined || JSON.stringify(there) === '{}') whole[keyword] = value;
      else if (!merges(whole, keyword, value)) left[keyword] = value;
    }
    if (Object.keys(left).length > 0) besides.push(left);
  }
  if (besides.length > 0) whole['allOf'] = [...((whole['allOf'] as unknown[] | undefined) ?? []), ...besides];
  return whole;
}

function merges(whole: SchemaObject, keyword: string, value: unknown): boolean {
  const there = whole[keyword];
  if (JSON.stringify(there) === JSON.stringify(value) || JSON.stringify(value) === '{}') return true;
  if (keyword === 'items') whole[keyword] = together([there as SchemaObject, value as SchemaObject]);
  else if (keyword === 'allOf') whole[keyword] = [...(there as unknown[]), ...(value as unknown[])];
  else if (keyword === 'type' && there === 'number' && value === 'integer') whole[keyword] = value;
  else if (keyword === 'type' && there === 'integer' && value === 'number') return true;
  else if (least.includes(keyword)) whole[keyword] = Math.max(there as number, value as number);
  else if (most.includes(keyword)) whole[keyword] = Math.min(there as number, value as number);
  else return false;
  return true;
}
