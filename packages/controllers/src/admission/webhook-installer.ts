import type { Clock, Kube, KubeObject, Log, Random, Resource, Timer } from '@vfleet/core';
import { isKubeError, webhookNames } from '@vfleet/core';
import type { SriovOperatorConfig } from '@vfleet/kube';
import { Informer, mutatingWebhookConfigurations, operatorConfigs, validatingWebhookConfigurations } from '@vfleet/kube';
import { injectorWebhook, operatorWebhooks } from './configurations.ts';
import type { AppliedConfiguration, WebhookAddress } from './configurations.ts';
import { foreignParts } from './foreign-parts.ts';
import type { WebhookConfiguration } from './foreign-parts.ts';

export interface InstallerPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** By which webhook configurations are applied. */
export const FIELD_MANAGER = 'sriov-network-operator';
/** Webhook configurations that somebody else changed are put right at this pace. */
const LOOK_AGAIN_MS = 10 * 60_000;
const RETRY_MS = 1_000;

/**
 * Keeps the webhook configurations as the SriovOperatorConfig wants them: `enableOperatorWebhook` and `enableInjector` (on when it does not
 * say), `featureGates.resourceInjectorMatchCondition`. They are made only once there is an authority to trust, so that no request
 * is sent to a server that cannot be verified.
 */
export class WebhookInstaller {
  readonly #ports: InstallerPorts;
  readonly #namespace: string;
  readonly #address: WebhookAddress;
  readonly #configs: Informer<SriovOperatorConfig>;
  #certificateAuthority: string | undefined;
  #timer: Timer | undefined;
  #round: Promise<void> = Promise.resolve();
  #isInstalled = false;
  #stopped = false;

  constructor(ports: InstallerPorts, namespace: string, address: WebhookAddress) {
    this.#ports = ports;
    this.#namespace = namespace;
    this.#address = address;
    this.#configs = new Informer(ports, operatorConfigs, { namespace });
    const changed = () => this.#changed();
    this.#configs.subscribe({ added: changed, updated: changed, deleted: changed });
  }

  /** The configurations have been as they should be. */
  get isInstalled(): boolean {
    return this.#isInstalled;
  }

  start(): void {
    this.#configs.start();
    void this.#configs.synced.then(() => this.#changed());
  }

  /** Call it with the first authority and whenever it changes: PEM. */
  trust(certificateAuthority: string): void {
    this.#certificateAuthority = certificateAuthority;
    this.#changed();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#configs.stop();
    this.#timer?.cancel();
    await this.#round;
  }

  #changed(): void {
    this.#timer?.cancel();
    this.#round = this.#round.then(() => this.#install());
  }

  async #install(): Promise<void> {
    if (this.#stopped || this.#certificateAuthority === undefined || !this.#configs.hasSynced) return;
    let waitMs = LOOK_AGAIN_MS;
    try {
      await this.#reconcile(this.#certificateAuthority);
      this.#isInstalled = true;
    } catch (error) {
      if (!isKubeError(error)) throw error;
      this.#ports.log.warn('the webhook configurations could not be brought up to date', { cause: error.message });
      waitMs = RETRY_MS;
    }
    // Rounds that were asked for at once each end here; one timer is enough.
    this.#timer?.cancel();
    if (!this.#stopped) this.#timer = this.#ports.clock.setTimer(waitMs, () => this.#changed());
  }

  async #reconcile(certificateAuthority: string): Promise<void> {
    const spec = this.#configs.get({ namespace: this.#namespace, name: 'default' })?.spec ?? {};
    const settings = { address: this.#address, certificateAuthority, injectorMatchCondition: spec.featureGates?.resourceInjectorMatchCondition === true };
    const [mutating, validating] = operatorWebhooks(settings);
    const withRules = spec.enableOperatorWebhook !== false;
    await this.#ensure(mutatingWebhookConfigurations, webhookNames.operatorConfiguration, withRules ? mutating : undefined);
    await this.#ensure(validatingWebhookConfigurations, webhookNames.operatorConfiguration, withRules ? validating : undefined);
    await this.#ensure(mutatingWebhookConfigurations, webhookNames.injectorConfiguration, spec.enableInjector !== false ? injectorWebhook(settings) : undefined);
  }

  /** Applied by the server, which writes nothing when nothing differs; deleted where it is not wanted. */
  async #ensure(resource: Resource, name: string, wanted: AppliedConfiguration | undefined): Promise<void> {
    const { kube, log } = this.#ports;
    if (wanted !== undefined) {
      const applied = await this.#apply(resource, wanted);
      const foreign = foreignParts(applied, wanted);
      if (foreign === undefined) return;
      await kube.patch(resource, { name }, { type: 'json', operations: foreign.operations }, { fieldManager: FIELD_MANAGER });
      log.warn('what somebody else had in a webhook configuration of this operator is removed; an operator that runs beside this one would bring it back', { kind: resource.kind, name, removed: foreign.names });
      return;
    }
    await kube.delete(resource, { name }).catch((error: unknown) => {
      if (!isKubeError(error, 'NotFound')) throw error;
    });
  }

  /** One that somebody else wrote may not merge with ours: a webhook behind a Service, by URL now, would be behind both. */
  async #apply(resource: Resource, wanted: AppliedConfiguration): Promise<WebhookConfiguration> {
    const { kube, log } = this.#ports;
    const { name } = wanted.metadata;
    const apply = () => kube.patch<WebhookConfiguration>(resource, { name }, { type: 'apply', patch: { ...wanted }, fieldManager: FIELD_MANAGER, force: true });
    try {
      return await apply();
    } catch (error) {
      if (!isKubeError(error, 'Invalid')) throw error;
      log.warn('a webhook configuration of somebody else does not merge with that of this operator, which takes its place', { kind: resource.kind, name, cause: error.message });
      await kube.delete(resource, { name });
      return await apply();
    }
  }
}

/** While these are there and nobody answers, API servers refuse pods and custom resources: their failure policy is Fail. */
export const webhookObjects: readonly { readonly resource: Resource<KubeObject>; readonly name: string }[] = [
  { resource: mutatingWebhookConfigurations, name: webhookNames.operatorConfiguration }, { resource: validatingWebhookConfigurations, name: webhookNames.operatorConfiguration },
  { resource: mutatingWebhookConfigurations, name: webhookNames.injectorConfiguration },
];

/** For composition roots that end for good: API servers must not go on asking a server that is gone. */
export async function removeWebhooks(kube: Kube): Promise<void> {
  for (const { resource, name } of webhookObjects) {
    await kube.delete(resource, { name }).catch((error: unknown) => {
      if (!isKubeError(error, 'NotFound')) throw error;
    });
  }
}
