/** One statement about a process. `state` is asked anew each time and answers at once. */
export interface HealthCheck {
  readonly name: string;
  /** Undefined while all is well; else what is wrong, in a sentence without secrets. */
  state(): string | undefined;
  /**
   * `live`: while it fails, only a restart helps, so /healthz fails too. `ready`: the process cannot do its work now. `told`: shown, and
   * counts for nothing.
   */
  readonly counts: 'live' | 'ready' | 'told';
}

export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly text: string;
}

/** The checks of one process, as /healthz and /readyz ask them. */
export class Health {
  readonly #checks: HealthCheck[] = [];

  add(...checks: readonly HealthCheck[]): void {
    this.#checks.push(...checks);
  }

  /** By name: what is wrong, or undefined. */
  states(): readonly (readonly [check: HealthCheck, problem: string | undefined])[] {
    return this.#checks.map((check) => [check, check.state()]);
  }

  /** `/healthz`: whether the process should go on living. `verbose` lists every check, as kube-apiserver's endpoints do. */
  live(verbose: boolean): HealthAnswer {
    return this.#answer('healthz', verbose, (check) => check.counts === 'live');
  }

  /** `/readyz`: whether it can do its work. A process that has no checks yet is still starting. */
  ready(verbose: boolean): HealthAnswer {
    if (this.#checks.length === 0) return { status: 503, text: '[-]start failed: the process is starting\nreadyz check failed' };
    return this.#answer('readyz', verbose, (check) => check.counts !== 'told');
  }

  #answer(endpoint: string, verbose: boolean, counts: (check: HealthCheck) => boolean): HealthAnswer {
    const states = this.states();
    const failed = states.filter(([check, problem]) => problem !== undefined && counts(check));
    const status = failed.length === 0 ? 200 : 503;
    if (!verbose && status === 200) return { status, text: 'ok' };
    const shown = verbose ? states.filter(([check]) => endpoint === 'readyz' || counts(check)) : failed;
    const lines = shown.map(([check, problem]) => {
      if (problem === undefined) return `[+]${check.name} ok`;
      return counts(check) ? `[-]${check.name} failed: ${problem}` : `[~]${check.name} not yet: ${problem}`;
    });
    return { status, text: [...lines, `${endpoint} check ${status === 200 ? 'passed' : 'failed'}`].join('\n') };
  }
}
