import type { ApiObject } from '../values/json.ts';

/** metav1.TableColumnDefinition. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, more only with -o wide. */
  readonly priority: number;
}

/** How `kubectl get` shows a kind. */
export interface TableDefinition {
  readonly columns: readonly TableColumn[];
  /** The cells of one object, in the order of the columns. `nowMs` is for ages. */
  cells(object: ApiObject, nowMs: number): readonly unknown[];
  /** Row conditions, such as Completed of a pod that has ended. */
  conditions?(object: ApiObject): readonly object[] | undefined;
}
