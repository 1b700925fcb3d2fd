import type { NetnsPath, Result } from '@vfleet/core';
import { fail, ok } from '@vfleet/core';
import type { KernelLinks } from './links.ts';
import { MalformedMessage } from './netlink/attributes.ts';
import type { NetlinkFailure } from './netlink/exchange.ts';
import { decodeFeatures, decodeLinkSettings, encodeGetFeatures, encodeGetLinkSettings, encodeSetFeature, encodeSetLinkSettings } from './netlink/ethtool.ts';
import type { Features, LinkSettings, LinkSettingsChange } from './netlink/ethtool.ts';
import {
  decodeFeatureCount, decodeFeatureNames, decodeFeaturesAnswer, decodeLinkSettingsAnswer, decodeMaskWords, encodeFeatureChange, encodeFeatureCountQuery, encodeFeatureNamesQuery, encodeFeaturesQuery, encodeLinkSettingsChange,
  encodeLinkSettingsQuery,
} from './netlink/ethtool-ioctl.ts';
import type { Link } from './netlink/link.ts';

const ENOENT = 2;
const EOPNOTSUPP = 95;
const EPROTO = 71;

/** Through which door the kernel is asked: generic netlink where it has the family (Linux 5.6 and newer, if built in), else the ioctl. */
export type EthtoolDoor = 'any' | 'ioctl';

type Named = Pick<Link, 'index' | 'name'>;
type Answer<Value> = Promise<Result<Value, NetlinkFailure>>;

/** ethtool of one interface of a namespace. */
export class Ethtool {
  readonly #links: KernelLinks;
  readonly #link: Named;
  readonly #netns: NetnsPath;
  readonly #door: EthtoolDoor;

  constructor(links: KernelLinks, link: Named, netns: NetnsPath = 'host', door: EthtoolDoor = 'any') {
    this.#links = links;
    this.#link = link;
    this.#netns = netns;
    this.#door = door;
  }

  linkSettings(): Answer<LinkSettings> {
    return this.#either(encodeGetLinkSettings(this.#link.index), decodeLinkSettings, async () => {
      const answer = await this.#readSettings();
      return answer.ok ? ok(decodeLinkSettingsAnswer(answer.value)) : answer;
    });
  }

  setLinkSettings(change: LinkSettingsChange): Answer<void> {
    return this.#either(encodeSetLinkSettings(this.#link.index, change), undefined, async () => {
      const now = await this.#readSettings();
      if (!now.ok) return now;
      const set = await this.#ioctl(encodeLinkSettingsChange(now.value, change));
      return set.ok ? ok(undefined) : set;
    });
  }

  features(): Answer<Features> {
    return this.#either(encodeGetFeatures(this.#link.index), decodeFeatures, async () => {
      const names = await this.#featureNames();
      if (!names.ok) return names;
      const answer = await this.#ioctl(encodeFeaturesQuery(names.value.length));
      return answer.ok ? ok(decodeFeaturesAnswer(answer.value, names.value)) : answer;
    });
  }

  /** A wish: the kernel says yes also to what it does not fulfil, so whoever wants to know reads {@link features} again. */
  setFeature(feature: string, enabled: boolean): Answer<void> {
    return this.#either(encodeSetFeature(this.#link.index, feature, enabled), undefined, async () => {
      const names = await this.#featureNames();
      if (!names.ok) return names;
      const index = names.value.indexOf(feature);
      if (index < 0) return fail({ errno: EOPNOTSUPP, says: `no feature ${feature}` });
      const set = await this.#ioctl(encodeFeatureChange(names.value.length, index, enabled));
      return set.ok ? ok(undefined) : set;
    });
  }

  /** `decode` is left out for a change, to which the kernel has nothing to say. */
  async #either(message: Uint8Array, decode: undefined, byIoctl: () => Answer<void>): Answer<void>;
  async #either<Value>(message: Uint8Array, decode: (payload: Uint8Array) => Value, byIoctl: () => Answer<Value>): Answer<Value>;
  async #either<Value>(message: Uint8Array, decode: ((payload: Uint8Array) => Value) | undefined, byIoctl: () => Answer<Value | void>): Answer<Value | void> {
    const family = this.#door === 'any' ? await this.#links.family('ethtool') : fail({ errno: ENOENT });
    if (!family.ok) return family.error.errno === ENOENT ? decodedSafely(byIoctl) : fail(family.error);
    const answer = await this.#links.askFamily('ethtool', this.#netns, message, decode ?? (() => undefined));
    if (!answer.ok || decode === undefined) return answer.ok ? ok(undefined) : answer;
    return answer.value === undefined ? fail({ errno: EPROTO, says: 'ethtool was asked and said nothing' }) : ok(answer.value);
  }

  /** The kernel's masks have a length that only the kernel knows: asked first. */
  async #readSettings(): Answer<Uint8Array> {
    const first = await this.#ioctl(encodeLinkSettingsQuery());
    return first.ok ? this.#ioctl(encodeLinkSettingsQuery(decodeMaskWords(first.value))) : first;
  }

  async #featureNames(): Answer<readonly string[]> {
    const counted = await this.#ioctl(encodeFeatureCountQuery());
    if (!counted.ok) return counted;
    const count = decodeFeatureCount(counted.value);
    const named = await this.#ioctl(encodeFeatureNamesQuery(count));
    return named.ok ? ok(decodeFeatureNames(named.value, count)) : named;
  }

  #ioctl(data: Uint8Array): Answer<Uint8Array> {
    return this.#links.ethtoolIoctl(this.#link.name, this.#netns, data);
  }
}

async function decodedSafely<Value>(work: () => Answer<Value>): Answer<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MalformedMessage) return fail({ errno: EPROTO, says: error.message });
    throw error;
  }
}
