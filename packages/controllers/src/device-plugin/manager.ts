import type { Clock, DevicePluginRegistry, Files, Hardware, HardwareEvent, Inventory, Kube, Log, PciAddress, PodResources, Random, Result, Subscription, Timer } from '@vfleet/core';
import { DEFAULT_RESOURCE_PREFIX, configMaps, fail, ok } from '@vfleet/core';
import type { ConfigMap, SriovNetworkNodeState } from '@vfleet/kube';
import { Informer, backoffMs, configMapResource, nodeStates } from '@vfleet/kube';
import type { EventRecorder } from '@vfleet/kube';
import { noEvents } from '@vfleet/kube';
import { CdiSpecs } from './cdi.ts';
import { ConfigInForce } from './config-in-force.ts';
import type { ResourceConfig } from './config.ts';
import { functionsOf } from './functions.ts';
import type { NetFunction } from './functions.ts';
import { Holdings } from './holdings.ts';
import { LinkHealth } from './link-health.ts';
import { listDevices } from './listing.ts';
import type { ConfigProblem } from './problems.ts';
import { isBeingConfigured } from './readiness.ts';
import { ResourcePlugin } from './resource-plugin.ts';

export interface DevicePluginPorts {
  readonly kube: Kube;
  readonly hardware: Hardware;
  readonly registry: DevicePluginRegistry;
  /** Where device information is written for other CNI components; none is written without it. */
  readonly files?: Files;
  /** The kubelet's own word on who holds what; with it and `files`, what was handed out survives restarts and changes of configuration. */
  readonly podResources?: PodResources;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events?: EventRecorder;
}

export interface DevicePluginSettings {
  readonly nodeName: string;
  /** The operator's namespace. */
  readonly namespace: string;
  /** Of resources that the operator renders; the default is `openshift.io`. */
  readonly resourcePrefix?: string;
  /** Of resources in `sriovdp-config` that name none; the default is that of the stand-alone plugin, `intel.com`. */
  readonly standaloneResourcePrefix?: string;
  /** Feature gate blockDevicePluginUntilConfigured; on by default. */
  readonly blockUntilConfigured?: boolean;
  /** See {@link LinkHealth}; the defaults are 5,000 and 1,000. */
  readonly linkDownAfterMs?: number;
  readonly linkUpAfterMs?: number;
  /** Hand devices over by the Container Device Interface, whatever the operator's configuration says; needs `files`. By default that decides. */
  readonly useCdi?: boolean;
  /** Where it is written what was handed out; the default is in `/var/lib/vfleet/device-plugin`. */
  readonly checkpoint?: string;
}

/** What one resource offers now. */
export interface ResourceListing {
  readonly resourceName: string;
  readonly devices: readonly { readonly id: string; readonly fault?: string }[];
}

/** One node's device plugins. */
export interface DevicePluginManager {
  start(): void;
  /** Unregisters everything and stops watching. */
  stop(): void;
  /** In order of configuration; only resources that are registered. */
  listings(): readonly ResourceListing[];
  /** What is wrong with the configurations now in the cluster, newest texts. */
  problems(): readonly ConfigProblem[];
  /** Where the variable of its container names a device; see {@link Holdings.placeOf}. */
  placeOf(id: string): number | undefined;
  /** Devices that are unfit for pods because they could not be reset, with the cause: all of them, in place of those named before. */
  quarantine(devices: ReadonlyMap<PciAddress, string>): void;
}

/** Namespace and key of the configuration that users of the stand-alone plugin write by hand. */
const STANDALONE_NAMESPACE = 'kube-system';
const STANDALONE_KEY = 'config.json';

/** Hardware events of one change arrive in bursts (a few per VF): they are answered by one look at the hardware this much later. */
const SETTLE_MS = 50;
const RETRY = { initialMs: 1_000, maxMs: 60_000 };
/** The kubelet says nothing when a pod gives devices back, so it is asked. */
const RECONCILE_MS = 30_000;

/**
 * Advertises this node's network functions as extended resources: reads the configurations, matches them with the inventory,
 * registers a plugin for each resource that has devices, and keeps their lists true while configuration and hardware change.
 */
export function createDevicePluginManager(ports: DevicePluginPorts, settings: DevicePluginSettings): DevicePluginManager {
  return new Manager(ports, settings);
}

class Manager implements DevicePluginManager {
  readonly #ports: DevicePluginPorts;
  readonly #settings: DevicePluginSettings;
  readonly #log: Log;
  readonly #operatorMap: Informer<ConfigMap>;
  readonly #standaloneMap: Informer<ConfigMap>;
  readonly #nodeState: Informer<SriovNetworkNodeState>;
  readonly #operatorConfig: ConfigInForce;
  readonly #standaloneConfig: ConfigInForce;
  readonly #links: LinkHealth;
  readonly #holdings: Holdings | undefined;
  readonly #cdi: CdiSpecs | undefined;
  /** In this process: then its files are looked after. */
  #hasUsedCdi = false;
  readonly #plugins = new Map<string, { readonly plugin: ResourcePlugin; readonly registration: Subscription }>();
  #quarantined: ReadonlyMap<string, string> = new Map();
  /** Gone or without driver according to an event, until the next look at the hardware. */
  readonly #suspects = new Map<string, string>();
  #texts: readonly (string | undefined)[] | undefined;
  #problems: readonly ConfigProblem[] = [];
  #functions: readonly NetFunction[] | undefined;
  #subscriptions: Subscription[] = [];
  #timer: Timer | undefined;
  #reconciling: Timer | undefined;
  #looking = false;
  #stale = false;
  #failures = 0;
  #running = false;

  constructor(ports: DevicePluginPorts, settings: DevicePluginSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#log = ports.log.with({ component: 'device-plugin', node: settings.nodeName });
    const named = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
    this.#operatorMap = new Informer(ports, configMapResource, { namespace: settings.namespace, ...named(configMaps.devicePluginConfig) });
    this.#standaloneMap = new Informer(ports, configMapResource, { namespace: STANDALONE_NAMESPACE, ...named(configMaps.standaloneDevicePluginConfig) });
    this.#nodeState = new Informer(ports, nodeStates, { namespace: settings.namespace, ...named(settings.nodeName) });
    this.#operatorConfig = new ConfigInForce(settings.resourcePrefix ?? DEFAULT_RESOURCE_PREFIX);
    this.#standaloneConfig = new ConfigInForce(settings.standaloneResourcePrefix ?? 'intel.com');
    const hysteresis = { downAfterMs: settings.linkDownAfterMs ?? 5_000, upAfterMs: settings.linkUpAfterMs ?? 1_000 };
    this.#links = new LinkHealth(ports.clock, hysteresis, () => this.#relist());
    const { files, podResources } = ports;
    this.#holdings = files === undefined || podResources === undefined ? undefined : new Holdings({ files, podResources, clock: ports.clock, log: this.#log }, settings.checkpoint);
    this.#cdi = files === undefined ? undefined : new CdiSpecs(files);
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    const changed = { added: () => this.#relist(), updated: () => this.#relist(), deleted: () => this.#relist() };
    this.#subscriptions = [this.#ports.hardware.watch((event) => this.#onHardware(event))];
    for (const informer of [this.#operatorMap, this.#standaloneMap, this.#nodeState]) {
      this.#subscriptions.push(informer.subscribe(changed));
      informer.start();
      void informer.synced.then(changed.added);
    }
    void this.#begin();
  }

  stop(): void {
    this.#running = false;
    for (const subscription of this.#subscriptions) subscription.stop();
    this.#subscriptions = [];
    for (const informer of [this.#operatorMap, this.#standaloneMap, this.#nodeState]) informer.stop();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#reconciling?.cancel();
    this.#links.stop();
    for (const { registration } of this.#plugins.values()) registration.stop();
    this.#plugins.clear();
  }

  listings(): readonly ResourceListing[] {
    return this.#resources().flatMap(({ fullName }) => {
      const plugin = this.#plugins.get(fullName)?.plugin;
      if (plugin === undefined) return [];
      const devices = plugin.members.map(({ function: { id }, fault }) => (fault === undefined ? { id } : { id, fault }));
      return [{ resourceName: fullName, devices }];
    });
  }

  problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  placeOf(id: string): number | undefined {
    return this.#holdings?.placeOf(id);
  }

  quarantine(devices: ReadonlyMap<PciAddress, string>): void {
    if (devices.size === 0 && this.#quarantined.size === 0) return;
    this.#quarantined = new Map(devices);
    this.#relist();
  }

  #onHardware(event: HardwareEvent): void {
    if (event.kind === 'link') {
      this.#links.event(event.device, event.carrier);
      return;
    }
    // Until the next look, Allocate must not succeed on what is known to be gone; the list follows with that look, once for all.
    if (event.kind === 'removed') this.#suspects.set(event.device, 'it has gone from the node');
    if (event.kind === 'driver' && event.driver === undefined) this.#suspects.set(event.device, 'its driver was unbound');
    this.#lookLater(SETTLE_MS);
  }

  #lookLater(delayMs: number): void {
    if (this.#looking) {
      this.#stale = true;
      return;
    }
    this.#timer ??= this.#ports.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      void this.#look();
    });
  }

  /** What pods hold is known before anything is listed; the kubelet's word on it may come later. */
  async #begin(): Promise<void> {
    if (this.#holdings !== undefined) {
      await this.#holdings.load();
      void this.#reconcile(this.#holdings);
    }
    if (this.#running) await this.#look();
  }

  async #reconcile(holdings: Holdings): Promise<void> {
    const changed = await holdings.reconcile();
    if (!this.#running) return;
    if (changed) this.#relist();
    this.#reconciling = this.#ports.clock.setTimer(RECONCILE_MS, () => void this.#reconcile(holdings));
  }

  async #look(): Promise<void> {
    this.#looking = true;
    this.#stale = false;
    const suspects = [...this.#suspects.keys()];
    const inventory = await this.#ports.hardware.discover();
    this.#looking = false;
    if (!this.#running) return;
    if (inventory.ok) {
      this.#failures = 0;
      for (const device of suspects) this.#suspects.delete(device);
      this.#observe(inventory.value);
    } else {
      this.#failures++;
      this.#log.warn('The NICs could not be read; what was advertised stays.', { cause: inventory.error.cause, remedy: inventory.error.remedy });
    }
    if (!inventory.ok) this.#lookLater(backoffMs(RETRY, this.#failures, this.#ports.random));
    else if (this.#stale) this.#lookLater(SETTLE_MS);
  }

  #observe(inventory: Inventory): void {
    this.#links.observe(inventory.pfs);
    this.#functions = functionsOf(inventory);
    this.#relist();
  }

  /** Brings the registered plugins in line with configuration, hardware and health. Cheap when nothing changed. */
  #relist(): void {
    if (!this.#running || this.#functions === undefined || !this.#operatorMap.hasSynced || !this.#standaloneMap.hasSynced || !this.#nodeState.hasSynced) return;
    this.#readConfigs();
    const listings = listDevices({
      resources: this.#resources(),
      functions: this.#functions,
      onHold: this.#onHold(),
      // The operator renders policies, and those ask for VFs.
      vfsOnly: (fullName) => this.#operatorConfig.resources.some((resource) => resource.fullName === fullName),
      listed: new Map([...this.#plugins].map(([name, { plugin }]) => [name, plugin.members])),
      faultOf: (candidate, fullName) => this.#faultOf(candidate, fullName),
    });
    const names = new Set(listings.map(({ resource }) => resource.fullName));
    for (const [name, { plugin }] of this.#plugins) if (!names.has(name)) this.#unregister(name, plugin);
    this.#writeCdi(listings);
    for (const { resource, members } of listings) this.#apply(resource, members);
  }

  /** Where it has been turned off, what pods hold stays on disk: containers that restart look their devices up again. */
  #writeCdi(listings: Parameters<CdiSpecs['update']>[0]): void {
    const inUse = this.#usesCdi();
    if (!inUse && !this.#hasUsedCdi) return;
    this.#hasUsedCdi = true;
    void this.#cdi?.update(inUse ? listings : [], (id) => this.#holdings?.resourceOf(id) !== undefined).then((written) => {
      if (!written.ok) this.#log.error('The CDI specifications could not be written; no devices are handed out until they are.', { ...written.error });
    });
  }

  #usesCdi(): boolean {
    return this.#cdi !== undefined && (this.#settings.useCdi === true || this.#operatorConfig.useCdi);
  }

  #apply(resource: ResourceConfig, members: Parameters<ResourcePlugin['update']>[1]): void {
    const registered = this.#plugins.get(resource.fullName)?.plugin;
    if (registered === undefined && members.length === 0) return;
    const plugin = registered ?? new ResourcePlugin(resource, {
      files: this.#ports.files, suspicion: (device) => this.#suspicionOf(device), useCdi: () => this.#usesCdi(), prepare: (name, ids) => this.#prepare(name, ids),
    });
    this.#logFaults(plugin, members);
    plugin.update(resource, members);
    if (members.length === 0) this.#unregister(resource.fullName, plugin);
    else if (registered === undefined) this.#register(plugin);
  }

  #register(plugin: ResourcePlugin): void {
    this.#log.info('A resource is advertised.', { resource: plugin.resourceName, devices: plugin.devices.length });
    this.#plugins.set(plugin.resourceName, { plugin, registration: this.#ports.registry.register(plugin) });
  }

  #unregister(name: string, plugin: ResourcePlugin): void {
    this.#log.info('A resource is no longer advertised.', { resource: name });
    // An empty list first: of a plugin that only goes away, kubelet keeps the capacity for another five minutes.
    plugin.update(plugin.resource, []);
    this.#plugins.get(name)!.registration.stop();
    this.#plugins.delete(name);
  }

  #logFaults(plugin: ResourcePlugin, members: Parameters<ResourcePlugin['update']>[1]): void {
    const faults = new Map(plugin.members.flatMap((member) => (member.fault === undefined ? [] : [[member.function.id, member.fault]])));
    for (const { function: { id }, fault } of members) {
      const before = faults.get(id);
      if (fault === before) continue;
      if (fault === undefined) this.#log.info('A device is fit for pods again.', { resource: plugin.resourceName, device: id });
      else this.#log.warn('A device is unfit for pods.', { resource: plugin.resourceName, device: id, cause: fault });
    }
  }

  /** What must be on disk before a container may have devices. */
  async #prepare(resourceName: string, ids: readonly string[]): Promise<Result<void, string>> {
    const specs = this.#usesCdi() ? await this.#cdi?.settled() : undefined;
    if (specs?.ok === false) return fail(`the CDI specifications could not be written: ${specs.error.cause}`);
    const noted = await this.#holdings?.note(resourceName, ids);
    return noted?.ok === false ? fail(`what is handed out could not be written down: ${noted.error.cause}`) : ok(undefined);
  }

  /** A subfunction is no more than its PF. */
  #suspicionOf({ id, pf, deviceType }: NetFunction): string | undefined {
    const ofPf = deviceType === 'auxNetDevice' ? this.#suspects.get(pf) : undefined;
    return this.#suspects.get(id) ?? (ofPf === undefined ? undefined : `of its PF ${pf}: ${ofPf}`);
  }

  #faultOf(device: NetFunction, fullName: string): string | undefined {
    const { id, pf, linkState, fault } = device;
    const holder = this.#holdings?.resourceOf(id);
    const held = holder !== undefined && holder !== fullName ? `a pod still holds it as ${holder}` : undefined;
    const link = linkState !== 'enable' && this.#links.isLost(pf) ? `its PF ${pf} has no link` : undefined;
    return fault ?? this.#quarantined.get(id) ?? this.#suspicionOf(device) ?? held ?? link;
  }

  /** Resources to which nothing is added while the config daemon works on the VFs. Hand-written ones do not wait for it. */
  #onHold(): (fullName: string) => boolean {
    const { blockUntilConfigured = true, namespace, nodeName } = this.#settings;
    if (!blockUntilConfigured || !isBeingConfigured(this.#nodeState.get({ namespace, name: nodeName }))) return () => false;
    const rendered = new Set(this.#operatorConfig.resources.map(({ fullName }) => fullName));
    return (fullName) => rendered.has(fullName);
  }

  #resources(): readonly ResourceConfig[] {
    return [...this.#operatorConfig.resources, ...this.#standaloneConfig.resources];
  }

  #readConfigs(): void {
    const maps = [
      this.#operatorMap.get({ namespace: this.#settings.namespace, name: configMaps.devicePluginConfig }),
      this.#standaloneMap.get({ namespace: STANDALONE_NAMESPACE, name: configMaps.standaloneDevicePluginConfig }),
    ] as const;
    const texts = [maps[0]?.data?.[this.#settings.nodeName], maps[1]?.data?.[STANDALONE_KEY]] as const;
    const before = this.#texts;
    if (before !== undefined && texts.every((text, index) => text === before[index])) return;
    this.#texts = texts;
    const operator = this.#operatorConfig.update(texts[0], new Set());
    const standalone = this.#standaloneConfig.update(texts[1], new Set(operator.resources.map(({ fullName }) => fullName)));
    this.#problems = [...operator.problems, ...standalone.problems];
    if (texts[0] !== before?.[0]) this.#tell(maps[0], operator.problems);
    if (texts[1] !== before?.[1]) this.#tell(maps[1], standalone.problems);
  }

  #tell(map: ConfigMap | undefined, problems: readonly ConfigProblem[]): void {
    for (const problem of problems) this.#log.warn('The device plugin configuration has a problem.', { configMap: map?.metadata.name, ...problem });
    if (map === undefined || problems.length === 0) return;
    const hasErrors = problems.some(({ severity }) => severity === 'error');
    const message = problems.map(({ path, cause, remedy }) => `${path === '' ? '' : `${path}: `}${cause}. ${remedy}`).join(' ');
    // Kubernetes refuses Events with longer messages (k8s.io/kubernetes, pkg/apis/core/validation/events.go).
    const reason = hasErrors ? 'InvalidDevicePluginConfig' : 'DoubtfulDevicePluginConfig';
    (this.#ports.events ?? noEvents).record('Warning', { apiVersion: 'v1', kind: 'ConfigMap', metadata: map.metadata }, reason, message.slice(0, 1024));
  }
}
