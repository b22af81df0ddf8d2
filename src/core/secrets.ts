import 'reflect-metadata';

// The same in every copy of this library, as in the registry.
const secretsKey = 'tidings:secrets';

export interface SecretDecorator {
  (target: object, field: string | symbol): void;
  (value: unknown, context: ClassFieldDecoratorContext | ClassGetterDecoratorContext | ClassAccessorDecoratorContext): void;
}

/**
 * Marks a field of an event, or of a class within one, whose value must not be told: where it is at fault, neither logs nor errors nor the
 * headers of archived events quote it. It travels like any other field.
 */
export function Secret(): SecretDecorator {
  return (target: unknown, place: string | symbol | ClassMemberDecoratorContext) => {
    if (typeof place === 'object') {
      // Standard decorators learn of their class with its first instance. There is none to be told of before.
      place.addInitializer(function (this: unknown) {
        note(Object.getPrototypeOf(this) as object, String(place.name));
      });
    } else note(target as object, String(place));
  };
}

/** Whether a class, or one that it extends, has marked a field. */
export function isSecretField(target: unknown, field: string): boolean {
  return secretFields(target).includes(field);
}

/** The fields that a class, or one that it extends, has marked. */
export function secretFields(target: unknown): string[] {
  const fields: string[] = [];
  for (let one = target; typeof one === 'function'; one = Object.getPrototypeOf(one)) fields.push(...ownSecretFields(one));
  return fields;
}

function ownSecretFields(target: object): readonly string[] {
  return (Reflect.getOwnMetadata(secretsKey, target) as readonly string[] | undefined) ?? [];
}

/** Every instance of a class with standard decorators says it again. */
function note(prototype: object, field: string): void {
  const target = prototype.constructor;
  const known = ownSecretFields(target);
  if (!known.includes(field)) Reflect.defineMetadata(secretsKey, [...known, field], target);
}
