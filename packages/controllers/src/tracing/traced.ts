import type { Clock, Hardware, HardwareStep, Kube } from '@vfleet/core';
import { ObservedKube } from '@vfleet/kube';
import type { ControllerObserver } from '@vfleet/kube';
import type { Admission } from '../admission/admission.ts';
import type { CniReply } from '../cni/calls.ts';
import type { RawCall } from '../cni/spec/call.ts';
import type { OperatorHooks } from '../operator/controllers.ts';
import type { Tracer } from './tracer.ts';

/** A span for every key that a controller works on, with what it asks of the API inside. */
export function tracedHooks(tracer: Tracer, hooks: OperatorHooks = {}): OperatorHooks {
  const observer: ControllerObserver = { ...hooks.observer, around: (controller, key, work) => tracer.span('internal', `reconcile ${controller}`, { 'vfleet.controller': controller, 'vfleet.key': key }, work) };
  return { ...hooks, observer };
}

/** Requests to the API as parts of what asks for them; a watch, which lasts for minutes, is none. */
export function tracedKube(tracer: Tracer, kube: Kube, clock: Pick<Clock, 'monotonicMs'>): Kube {
  return new ObservedKube(kube, clock, ({ verb, resource, subresource, code, tookMs }) => {
    if (verb === 'watch') return;
    const what = subresource === '' ? resource.plural : `${resource.plural}/${subresource}`;
    tracer.note('client', `${verb} ${what}`, { 'k8s.verb': verb, 'k8s.resource': what, 'k8s.group': resource.group, 'http.response.status_code': code }, tookMs, code === '2xx' ? {} : { error: code });
  });
}

export function tracedAdmission(tracer: Tracer, admission: Admission): Admission {
  return {
    start: () => admission.start(),
    stop: () => admission.stop(),
    get isReady() {
      return admission.isReady;
    },
    answer: (path, body) => tracer.span('server', `admission ${path}`, { 'url.path': path, 'http.request.body.size': body.length }, () => admission.answer(path, body), ({ status, allowed }) => ({
      attributes: { 'http.response.status_code': status, 'vfleet.allowed': allowed }, ...(status === 503 ? { error: 'unavailable' } : {}),
    })),
  };
}

/** CNI calls, by command and sandbox (CNI specification, "Parameters"). */
export function tracedCni(tracer: Tracer, handle: (call: RawCall) => Promise<CniReply>): (call: RawCall) => Promise<CniReply> {
  return (call) => {
    const { CNI_COMMAND: command = 'none', CNI_CONTAINERID: container, CNI_IFNAME: device } = call.environment;
    return tracer.span('server', `CNI ${command}`, { 'cni.command': command, 'container.id': container, 'cni.ifname': device }, () => handle(call), ({ status, output }) => (status === 0 ? {} : { error: output }));
  };
}

/** What is done to NICs, step by step. */
export function tracedHardware(tracer: Tracer, hardware: Hardware): Hardware {
  return {
    discover: () => tracer.span('internal', 'hardware discover', {}, () => hardware.discover(), (seen) => (seen.ok ? {} : { error: seen.error.cause })),
    lookAtVf: (device) => hardware.lookAtVf(device),
    apply: (step: HardwareStep) => tracer.span('internal', `hardware ${step.kind}`, { 'vfleet.step': step.kind, 'vfleet.device': 'device' in step ? step.device : undefined }, () => hardware.apply(step), (done) => (done.ok ? {} : { error: done.error.cause, attributes: { 'vfleet.code': done.error.code } })),
    watch: (listener) => hardware.watch(listener),
  };
}
