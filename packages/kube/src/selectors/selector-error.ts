/** Why a selector was refused. An API server answers it with BadRequest. */
export interface SelectorError {
  readonly selector: string;
  readonly cause: string;
  readonly remedy: string;
}
