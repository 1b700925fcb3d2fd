import type { SchemaNode } from '../schema/structural.ts';
import { celHost } from './environment.ts';
import { normalizedFieldPath } from './field-path.ts';
import { compileProgram } from './program.ts';
import type { Program } from './program.ts';
import { rulesOf } from './rule.ts';
import type { ValidationRule } from './rule.ts';
import { SchemaTypes } from './schema-types.ts';
import type { ValueType } from './schema-types.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Absent where `error` says why. */
  readonly program?: Program;
  readonly error?: string;
  readonly message?: Program;
  readonly messageError?: string;
  readonly usesOldSelf: boolean;
  /** Appended to the path of the value that the rule is about; empty for none. */
  readonly fieldPath: string;
}

/** The rules at one place of a schema. */
export interface NodeRules {
  readonly rules: readonly CompiledRule[];
  /** What `self` is there. */
  readonly type: ValueType;
}

/**
 * Compiles the rules of `ruled`, for values of `node`: the same schema, or a part of its allOf that adds rules to it. Undefined
 * when rules cannot see such values at all.
 */
export function compileRules(ruled: SchemaNode, node: SchemaNode, isResourceRoot: boolean): NodeRules | undefined {
  const host = celHost();
  const typed = host.newEnvironment();
  const types = new SchemaTypes(typed, host);
  const type = types.typeOf(node, isResourceRoot);
  if (type === undefined) return undefined;
  const withOld = (oldType: string) => typed.clone().registerVariable('self', type.name).registerVariable('oldSelf', oldType);
  const [plain, optional] = [withOld(type.name), withOld(`optional<${type.name}>`)];
  const compile = (rule: ValidationRule): CompiledRule => {
    const environment = rule.optionalOldSelf === true ? optional : plain;
    const fieldPath = rule.fieldPath === undefined ? '' : (normalizedFieldPath(rule.fieldPath.trim(), node) ?? '');
    const compiled = compileProgram(environment, rule.rule, types.fields);
    if (!compiled.ok) return { rule, error: `compilation failed: ${compiled.error}`, usesOldSelf: false, fieldPath };
    const { program } = compiled;
    const usesOldSelf = program.uses('oldSelf');
    if (program.outputType !== 'bool') return { rule, error: 'cel expression must evaluate to a bool', usesOldSelf, fieldPath };
    if (rule.messageExpression === undefined || rule.messageExpression === '') return { rule, program, usesOldSelf, fieldPath };
    const message = compileProgram(environment, rule.messageExpression, types.fields);
    if (!message.ok) return { rule, program, messageError: `messageExpression compilation failed: ${message.error}`, usesOldSelf, fieldPath };
    if (message.program.outputType !== 'string') return { rule, program, messageError: 'messageExpression must evaluate to a string', usesOldSelf, fieldPath };
    return { rule, program, message: message.program, usesOldSelf, fieldPath };
  };
  return { type, rules: rulesOf(ruled.schema).map(compile) };
}
