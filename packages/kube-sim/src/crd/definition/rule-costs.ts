import type { CompiledRule } from '../../cel/compiled-rules.ts';
import { declaredSize, occurrencesMax } from '../../cel/cost/declared-size.ts';
import type { DeclaredSize } from '../../cel/cost/declared-size.ts';
import { costMax } from '../../cel/cost/estimate.ts';
import { plus, times } from '../../cel/cost/numbers.ts';
import { forbiddenField } from '../../errors/field-error.ts';
import type { FieldError } from '../../errors/field-error.ts';
import type { SchemaNode } from '../../schema/structural.ts';

/** How many values of a schema one object may hold; undefined when nothing limits them. */
export type Cardinality = number | undefined;

/** What one expression, and all of a schema together, may be estimated to cost. */
const EXPRESSION_MAX = 10_000_000;
const SCHEMA_MAX = 100_000_000;
const NAMED_MAX = 4;

/** Lists and maps multiply what is below them. */
export function childCardinality(parent: Cardinality, node: SchemaNode | undefined): Cardinality {
  if (parent === undefined || node === undefined) return undefined;
  const { maxItems, maxProperties } = node.schema;
  if (node.type === 'array') return maxItems === undefined ? undefined : times(parent, Math.max(0, maxItems));
  if (node.type === 'object' && node.additional !== undefined) return maxProperties === undefined ? undefined : times(parent, Math.max(0, maxProperties));
  return parent;
}

/** Adds up what the rules of a schema may cost before any object is there (apiextensions-apiserver pkg/apis/apiextensions/validation). */
export class RuleCosts {
  #total = 0;
  readonly #expensive: { readonly path: string; readonly cost: number }[] = [];

  /** A rule runs as often as there are values; that limits it, and counts in the total. */
  ruleProblems({ program }: CompiledRule, node: SchemaNode, isResource: boolean, cardinality: Cardinality, path: string): readonly FieldError[] {
    const declared = declaredSize(node, isResource);
    if (program === undefined || declared === undefined) return [];
    const cost = times(costMax(program.root, declared), cardinality ?? occurrencesMax(declared));
    this.#count(path, cost);
    return cost > EXPRESSION_MAX ? [forbiddenField(path, excess('estimated rule cost', cost, EXPRESSION_MAX))] : [];
  }

  /** A message is made once. */
  messageProblems({ message }: CompiledRule, node: SchemaNode, isResource: boolean, path: string): readonly FieldError[] {
    const declared: DeclaredSize | undefined = declaredSize(node, isResource);
    if (message === undefined || declared === undefined) return [];
    const cost = costMax(message.root, declared);
    this.#count(path, cost);
    return cost > EXPRESSION_MAX ? [forbiddenField(path, excess('estimated messageExpression cost', cost, EXPRESSION_MAX))] : [];
  }

  /** What is said of the schema as a whole. */
  problems(path: string): readonly FieldError[] {
    if (this.#total <= SCHEMA_MAX) return [];
    const named = [...this.#expensive].sort((a, b) => b.cost - a.cost).slice(0, NAMED_MAX);
    return [
      ...named.map((rule) => forbiddenField(rule.path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema')),
      forbiddenField(path, excess('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', this.#total, SCHEMA_MAX)),
    ];
  }

  #count(path: string, cost: number): void {
    this.#total = plus(this.#total, cost);
    if (cost >= SCHEMA_MAX / 100) this.#expensive.push({ path, cost });
  }
}

function excess(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const said = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${said} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
