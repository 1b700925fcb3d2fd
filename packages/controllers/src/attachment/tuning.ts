import { ok, parsePciAddress } from '@vfleet/core';
import type { AttachFailure, Hardware, HardwareStep, Result } from '@vfleet/core';
import { cniCodes, failure, hardwareFailure, invalidConfig } from '../cni/failure.ts';
import { describeStep } from '../cni/plan.ts';
import { asObject, field, knownKey } from '../json/fields.ts';
import type { JsonObject } from '../json/fields.ts';
import type { CniResult, PluginCall } from './chained-plugins.ts';

/** What of the tuning plugin is built in: MAC and MTU of a VF. */
interface Tuning {
  readonly mac?: string;
  readonly mtu?: number;
}

/** Keys that every configuration has, or that mean nothing here. */
const NEUTRAL = ['type', 'name', 'cniVersion', 'capabilities', 'runtimeConfig', 'args', 'deviceID', 'pciBusID', 'dataDir'];

/** Reads a tuning configuration. What is not built in is refused, never left undone in silence. */
export function parseTuning(config: JsonObject): Result<Tuning, AttachFailure> {
  const unsupported = Object.keys(config).find((key) => knownKey(key, [...NEUTRAL, 'mac', 'mtu']) === undefined);
  if (unsupported !== undefined) {
    return failure(cniCodes.unsupportedField, `the built-in tuning plugin does not know "${unsupported}"`, 'Install the tuning plugin of the CNI project on the node, or remove the key from the network.');
  }
  const mac = field(asObject(field(config, 'runtimeConfig')) ?? {}, 'mac') ?? field(config, 'mac');
  const mtu = field(config, 'mtu');
  if (mac !== undefined && mac !== null && (typeof mac !== 'string' || !/^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/.test(mac))) return invalidConfig(`tuning: ${JSON.stringify(mac)} is no MAC address`);
  if (mtu !== undefined && mtu !== null && (typeof mtu !== 'number' || !Number.isInteger(mtu) || mtu < 68)) return invalidConfig(`tuning: ${JSON.stringify(mtu)} is no MTU`);
  return ok({ ...(typeof mac === 'string' ? { mac: mac.toLowerCase() } : {}), ...(typeof mtu === 'number' ? { mtu } : {}) });
}

/**
 * Changes MAC and MTU of the VF that the plugin before has brought into the pod. There is nothing to take back: the VF's own
 * record holds what both were, and they are restored with it.
 */
export async function applyTuning(hardware: Hardware, call: PluginCall): Promise<Result<CniResult, AttachFailure>> {
  const tuning = parseTuning(call.config);
  if (!tuning.ok) return tuning;
  const deviceId = field(call.config, 'deviceID');
  const device = typeof deviceId === 'string' ? parsePciAddress(deviceId) : undefined;
  const own = call.previous?.interfaces.find(({ name }) => name === call.ifname);
  if (device?.ok !== true || call.previous === undefined || own === undefined) return invalidConfig('tuning: there is no VF before it in the chain');
  const { mac, mtu } = tuning.value;
  const at = { device: device.value, netns: call.netns } as const;
  const steps: readonly HardwareStep[] = [
    ...(mac === undefined || mac === own.mac ? [] : [{ kind: 'setNetdevMac', ...at, mac } as const]),
    ...(mtu === undefined || mtu === own.mtu ? [] : [{ kind: 'setMtu', ...at, mtu } as const]),
  ];
  for (const step of steps) {
    const applied = await hardware.apply(step);
    if (!applied.ok) return hardwareFailure(applied.error, describeStep(step));
  }
  const tuned = { ...own, ...tuning.value };
  return ok({ ...call.previous, interfaces: call.previous.interfaces.map((one) => (one === own ? tuned : one)) });
}
