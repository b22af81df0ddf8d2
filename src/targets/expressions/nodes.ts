/** Calculated from two values. */
export type Operator = '??' | '||' | '&&' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%';

/** An expression, read. `at`: where it begins in its text. */
export type Expression =
  | { readonly kind: 'value'; readonly value: string | number | boolean | null; readonly at: number }
  | { readonly kind: 'root'; readonly name: string; readonly at: number }
  | { readonly kind: 'member'; readonly of: Expression; readonly key: Expression; readonly at: number }
  | { readonly kind: 'call'; readonly name: string; readonly parts: readonly Expression[]; readonly at: number }
  | { readonly kind: 'not' | 'minus'; readonly of: Expression; readonly at: number }
  | { readonly kind: 'both'; readonly operator: Operator; readonly left: Expression; readonly right: Expression; readonly at: number };
