import type { FieldError } from '../../errors/field-error.ts';
import { stringAt } from '../../values/json.ts';
import type { ApiObject } from '../../values/json.ts';
import { qualifiedNameProblems } from '../../values/names.ts';
import { faults } from './cursor.ts';
import type { Cursor } from './cursor.ts';

const STANDARD: readonly string[] = ['kubernetes', 'orphan', 'foregroundDeletion'];

export function validateNamespace(namespace: ApiObject): readonly FieldError[] {
  return faults(namespace, '', (object) => {
    const finalizers = object.at('spec').at('finalizers');
    for (const finalizer of finalizers.items) checkFinalizer(finalizer.shownAt(finalizers.path));
  });
}

export function validateFinalize(namespace: ApiObject): readonly FieldError[] {
  return faults(namespace, '', (object) => {
    for (const finalizer of object.at('spec').at('finalizers').items) checkFinalizer(finalizer);
  });
}

function checkFinalizer(finalizer: Cursor): void {
  const { text } = finalizer;
  finalizer.check(qualifiedNameProblems);
  if (!text.includes('/') && !STANDARD.includes(text)) finalizer.invalid('name is neither a standard finalizer name nor is it fully qualified');
}

export function validateNamespaceStatus(namespace: ApiObject): readonly FieldError[] {
  const isGoing = namespace.metadata.deletionTimestamp !== undefined;
  const expected = isGoing ? 'Terminating' : 'Active';
  return faults(namespace, '', (object) => {
    if (stringAt(namespace['status'], 'phase') === expected) return;
    object.at('status').at('phase').shownAt('status.Phase').invalid(`may only be '${expected}' if \`deletionTimestamp\` is ${isGoing ? 'not ' : ''}empty`, stringAt(namespace['status'], 'phase'));
  });
}
