import type { Clock, Kube, KubeObject, Resource } from '@vfleet/core';
import { isKubeError } from '@vfleet/core';
import { keyText } from '@vfleet/kube';
import { find } from './requests.ts';

export interface ObjectRef {
  readonly resource: Resource;
  readonly key: { readonly namespace?: string; readonly name: string };
}

const LOOK_AGAIN_MS = 500;

/** One step of an uninstallation: does things, and keeps what was done and what could not be. */
export class Removal {
  readonly done: string[] = [];
  readonly problems: string[] = [];
  readonly #kube: Kube;
  readonly #clock: Clock;
  readonly pretend: boolean;

  constructor({ kube, clock }: { readonly kube: Kube; readonly clock: Clock }, pretend: boolean) {
    this.#kube = kube;
    this.#clock = clock;
    this.pretend = pretend;
  }

  /** What an API server refuses is a problem, and no end. */
  async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isKubeError(error)) throw error;
      this.problems.push(`${what}: ${error.message}`);
    }
  }

  /** Deletes an object; nothing happens when it is not there. */
  async remove(resource: Resource, key: ObjectRef['key']): Promise<void> {
    const name = `${resource.kind} ${keyText(key)}`;
    await this.attempt(name, async () => {
      if (this.pretend) {
        if ((await find(this.#kube, resource, key)) !== undefined) this.done.push(name);
        return;
      }
      try {
        await this.#kube.delete(resource, key, { propagationPolicy: 'Background' });
        this.done.push(name);
      } catch (error) {
        if (!isKubeError(error, 'NotFound')) throw error;
      }
    });
  }

  /** Writes, or says what would be written. */
  async change(what: string, work: () => Promise<boolean>): Promise<void> {
    await this.attempt(what, async () => {
      if (this.pretend || (await work())) this.done.push(what);
    });
  }

  /** Asks until `remaining` names nothing more, for at most `waitMs`; what is left then is a problem each. */
  async awaitNothing(remaining: () => Promise<readonly string[]>, waitMs: number): Promise<readonly string[]> {
    if (this.pretend) return [];
    const deadlineMs = this.#clock.monotonicMs() + waitMs;
    for (;;) {
      const left = await remaining();
      if (left.length === 0) return [];
      if (this.#clock.monotonicMs() >= deadlineMs) {
        this.problems.push(...left);
        return left;
      }
      await this.#clock.sleep(LOOK_AGAIN_MS);
    }
  }

  /** Until none of the objects is there. */
  async awaitGone(objects: readonly ObjectRef[], waitMs: number, why: (left: KubeObject) => string): Promise<void> {
    await this.awaitNothing(async () => {
      const left: string[] = [];
      for (const { resource, key } of objects) {
        const found = await find(this.#kube, resource, key);
        if (found !== undefined) left.push(`${resource.kind} ${keyText(key)} is still there: ${why(found)}`);
      }
      return left;
    }, waitMs);
  }
}
