/** An error as the CNI specification words it. Written here once more, so that the executable needs none of the logic to say that it failed. */
export function errorText(code: number, msg: string, details: string): string {
  return JSON.stringify({ cniVersion: '1.1.0', code, msg, details });
}
