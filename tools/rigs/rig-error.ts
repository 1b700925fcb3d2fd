/**
 * Why a rig could not be had:
 * - `goMissing`: there is no Go toolchain to build with;
 * - `buildFailed`: the Go toolchain answered with an error;
 * - `foreignBinary`: the folder holds a binary of another version, which is not ours to replace;
 * - `programMissing`: a program of the machine's is not installed;
 * - `startFailed`: a server ended, or was not ready in time.
 */
export type RigErrorCode = "goMissing" | "buildFailed" | "foreignBinary" | "programMissing" | "startFailed";

/** An operating error of a rig: what happened, and in the same message what to do about it. */
export class RigError extends Error {
  readonly code: RigErrorCode;

  constructor(code: RigErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RigError";
    this.code = code;
  }
}

/** Of a rig's file that is run by itself: prints where it is, or why it cannot be had. */
export async function printEnsured(ensured: Promise<string>): Promise<void> {
  try {
    process.stdout.write(`${await ensured}\n`);
  } catch (error) {
    if (!(error instanceof RigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
