/** One entry of x-kubernetes-validations (apiextensions v1 ValidationRule). */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export function rulesOf(schema: { readonly 'x-kubernetes-validations'?: readonly { readonly rule: string }[] }): readonly ValidationRule[] {
  return schema['x-kubernetes-validations'] ?? [];
}

/** How a rule is named in messages: by its message, else by itself. */
export function ruleText({ message = '', rule }: ValidationRule): string {
  return message === '' ? rule.trim() : message.trim();
}

/** One rule may cost so much, all of an object's together ten times that (apiserver pkg/apis/cel/config.go). */
export const RULE_COST_MAX = 1_000_000;
export const OBJECT_COST_MAX = 10_000_000;
