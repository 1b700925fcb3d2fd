import type { Cursor } from './cursor.ts';

const ID_MAX = 2 ** 31 - 1;
const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const SYSCTL_TEXT = 'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
/** Fields of the internal SecurityContext in the order of its declaration, in which a refusal prints it. */
const FIELDS = ['Capabilities', 'Privileged', 'SELinuxOptions', 'WindowsOptions', 'RunAsUser', 'RunAsGroup', 'RunAsNonRoot', 'ReadOnlyRootFilesystem', 'AllowPrivilegeEscalation', 'ProcMount', 'SeccompProfile', 'AppArmorProfile'] as const;

export function checkPodSecurity(context: Cursor): void {
  for (const id of ['fsGroup', 'runAsUser', 'runAsGroup']) context.at(id).between(0, ID_MAX);
  for (const group of context.at('supplementalGroups').items) group.between(0, ID_MAX);
  const seen = new Set<string>();
  for (const sysctl of context.at('sysctls').items) {
    const name = sysctl.at('name');
    if (name.text === '') name.required();
    else if (name.text.length > 253 || !SYSCTL.test(name.text)) name.invalid(SYSCTL_TEXT);
    else if (seen.has(name.text)) name.duplicate();
    seen.add(name.text);
  }
  const policy = context.at('fsGroupChangePolicy');
  if (policy.isSet && !['Always', 'OnRootMismatch'].includes(policy.text)) policy.notSupported(['Always', 'OnRootMismatch']);
  checkSeccomp(context.at('seccompProfile'));
}

export function checkContainerSecurity(context: Cursor): void {
  for (const id of ['runAsUser', 'runAsGroup']) context.at(id).between(0, ID_MAX);
  checkSeccomp(context.at('seccompProfile'));
  if (context.at('allowPrivilegeEscalation').value !== false) return;
  if (context.at('privileged').value === true) context.invalidStruct('cannot set `allowPrivilegeEscalation` to false and `privileged` to true', internalFields(context));
  if (context.at('capabilities').at('add').items.some(({ text }) => text === 'CAP_SYS_ADMIN')) {
    context.invalidStruct('cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN', internalFields(context));
  }
}

function internalFields(context: Cursor): Readonly<Record<string, unknown>> {
  return Object.fromEntries(FIELDS.map((field) => {
    const external = field.startsWith('SEL') ? 'seLinuxOptions' : field.charAt(0).toLowerCase() + field.slice(1);
    return [field, context.at(external).value ?? null];
  }));
}

const SECCOMP_TYPES: readonly string[] = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function checkSeccomp(profile: Cursor): void {
  if (!profile.isSet) return;
  const type = profile.at('type');
  const local = profile.at('localhostProfile');
  if (type.text === 'Localhost') {
    if (local.text === '') local.required('must be set when seccomp type is Localhost');
  } else if (local.isSet) local.invalid('can only be set when seccomp type is Localhost');
  if (type.text === '') type.required('type is required when seccompProfile is set');
  else if (!SECCOMP_TYPES.includes(type.text)) type.notSupported(SECCOMP_TYPES);
}
